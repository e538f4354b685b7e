# SPDX-License-Identifier: ISC
"""
The tests of tunnels, bodies, refusals and drains once more, their clients with
TLS: the relay is the same, so whatever holds for plain connections must hold.
"""

import pytest

import tls
from test_drain import (
    test_answer_during_a_drain_says_close,
    test_client_that_does_not_answer_is_cut_at_the_end,
    test_close_waits_for_the_end_of_a_message, test_exchange_finishes,
    test_idle_connections_do_not_hold_it_up, test_tunnel_hears_1001)
from test_early_frames import *
from test_endings import (
    test_drain_of_a_half_closed_tunnel,
    test_fin_and_then_reset_of_the_client_ends_the_exchange,
    test_last_words_of_a_server_that_closes_all_arrive,
    test_last_words_of_a_server_that_resets_all_arrive,
    test_request_whose_body_stops_half_way,
    test_reset_in_the_middle_of_an_upload,
    test_server_that_resets_an_answer_until_close,
    test_truncated_answer_to_an_http_1_0_client,
    test_tunnel_is_not_idle_while_its_reader_is_slow,
    test_whole_answer_to_an_http_1_0_client_ends_with_fin)
from test_goodbye import (
    test_a_frame_without_an_end_is_cut,
    test_a_message_without_an_end_is_interrupted,
    test_server_that_does_not_end_holds_nothing_up,
    test_the_client_is_heard_to_its_close)
from test_http import *
from test_pings import *
from test_refused_upgrade import *
from test_slow_reader import (
    test_300_mib_to_a_reader_that_sleeps_first,
    test_slow_reader_of_a_request, test_slow_reader_of_a_response,
    test_stuck_tunnel_disturbs_no_other,
    test_tiny_frames_to_a_reader_that_sleeps)
from test_tls import ca, local
from test_tunnel import *

# They connect by themselves, or listen elsewhere.
del test_flood_of_pings_through_ours, test_libraries_with_pings_of_their_own
del test_unknown_path_is_told_the_nearest_pattern
del test_default_backend_takes_upgrades_of_next_only
# Ends with TLS are of two kinds: test_tls has them.
del test_end_without_a_close_is_named
# A choked sender cannot send its close_notify either.
del test_choked_sender_that_has_left_costs_nothing

# OpenSSL's buffers come and go; ASan would keep 256 MiB of them.
ASAN = 'detect_leaks=1:exitcode=99:quarantine_size_mb=64'


@pytest.fixture
def bowsprit(bowsprit, local):
    """The one of conftest, with TLS where a test does not say otherwise."""
    def start(backend=None, **options):
        if backend is not None and 'listeners' not in options:
            options['listeners'] = (
                {'address': '127.0.0.1', 'port': '@PORT@',
                 'certificate': local[0], 'key': local[1]},)
        options['env'] = {'ASAN_OPTIONS': ASAN, **(options.get('env') or {})}
        return bowsprit(backend, **options)
    return start


@pytest.fixture
def client(bowsprit, ca):
    made = []

    def make(to, **options):
        w = tls.connect(getattr(to, 'port', to), tls.context(ca), **options)
        made.append(w)
        return w

    yield make
    for w in made:
        w.close()
