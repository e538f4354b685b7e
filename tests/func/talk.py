# SPDX-License-Identifier: ISC
"""
A WebSocket's two ends, which say at random what they like, in pieces of any
size, and hear at a speed of their own.  Frames are read as frames, so that
what bowsprit itself puts between them is known from what the other end said.

Each end is a Talk; which of the two ends the WebSocket, and how, is in its
seed, e.g. plain/reset/1.17 (the backend, one of ENDS, what is random).  When
both are over, check() holds their accounts against each other, and
check_line() the closing line against both.
"""

import random
import struct
import threading
import time
import traceback

import wire
from wire import Closed, frame

LIMIT = 30 * wire.SLOW  # longer than any may take
WAIT = 4  # s: after 5 bowsprit waits no longer for what follows a Close
MAX_MESSAGE = 6_000_000
TAG = b'bowsprit'  # what a Ping of its own begins with
HEADER_MAX = 14
GOODBYES = 1001, 1012
FAULTS = {'over': (1009, 'max-message'), 'wrong': (1002, 'strict')}
ENDS = ('eof', 'close', 'reset', 'gone', 'lifetime', *FAULTS)
OTHER = {'client': 'server', 'server': 'client'}
MESSAGES = wire.TEXT, wire.BINARY
TABLE = random.Random(0).randbytes(1 << 22)
SIZES = (0, 1, 125, 126, 1000, 4096, 16370, 16384, 20000, 65535, 65536,
         65792, 100_000, 262_144, 300_000, 1_000_000)


def some_bytes(r, n=None):
    if n is None:
        n = r.choice(SIZES) if r.random() < 0.8 else r.randrange(400_000)
    at = r.randrange(len(TABLE) - n)
    return TABLE[at:at + n]


class Task(threading.Thread):
    """A function in a thread; finish() raises what that has raised."""

    def __init__(self, f, *args):
        super().__init__(daemon=True)
        self.f, self.args, self.error = f, args, None
        self.start()

    def run(self):
        try:
            self.f(*self.args)
        except Exception:  # pylint: disable=broad-except
            self.error = traceback.format_exc()

    def finish(self):
        self.join(3 * LIMIT)
        assert not self.is_alive(), f'{self.f.__name__}{self.args} hangs'
        assert not self.error, self.error


# Frames

def shape(data):
    """Of the frame that begins there: its header's length, and in all."""
    if len(data) < 2:
        return None
    n = data[1] & 0x7f
    header = 2 + {126: 2, 127: 8}.get(n, 0) + (4 if data[1] & 0x80 else 0)
    if len(data) < header:
        return None
    if n == 126:
        n, = struct.unpack_from('>H', data, 2)
    elif n == 127:
        n, = struct.unpack_from('>Q', data, 2)
    return header, header + n


def payload_of(raw):
    header, _ = shape(raw)
    if raw[1] & 0x80:
        return wire.masked(raw[header:], raw[header - 4:header])
    return raw[header:]


class Counts:
    """What the closing line says of one side, counted again."""

    def __init__(self, data):
        self.said = {'bytes': len(data), 'text': 0, 'binary': 0, 'pings': 0,
                     'pongs': 0, 'largest': 0}
        message = at = 0
        self.open = False  # a message, at the end
        view = memoryview(data)
        while (found := shape(view[at:at + 14])) and at + found[1] <= len(data):
            header, n = found
            opcode = data[at] & 0x0f
            name = {wire.TEXT: 'text', wire.BINARY: 'binary',
                    wire.PING: 'pings', wire.PONG: 'pongs'}.get(opcode)
            if name:
                self.said[name] += 1
            if opcode < wire.CLOSE:
                message = n - header + (0 if opcode else message)
                self.said['largest'] = max(self.said['largest'], message)
                self.open = not data[at] & 0x80
            at += n
        self.tail = len(data) - at  # bytes of a frame that is not whole


# One side

class Script:
    """What one side means to say: messages, as lists of whole frames."""

    def __init__(self, r, masks):
        self.r, self.masks = r, masks
        limit = r.choice([1000, 30_000, 300_000, 2_000_000])
        small = r.random() < 0.3
        self.messages, total = [], 0
        while total < limit and len(self.messages) < 200:
            self.messages.append(self.message(small))
            total += sum(map(len, self.messages[-1]))

    def frame(self, payload, opcode, fin=True):
        mask = None
        if self.masks:
            mask = self.r.choice([b'\0\0\0\0', self.r.randbytes(4)])
        return frame(payload, opcode, mask, fin)

    def control(self):
        return self.frame(some_bytes(self.r, self.r.randrange(126)),
                          self.r.choice([wire.PING, wire.PONG]))

    def message(self, small):
        r = self.r
        if r.random() < 0.2:
            return [self.control()]
        opcode = r.choice(MESSAGES)
        parts = r.choice([1, 1, 1, 2, 5])
        frames = []
        for i in range(parts):
            n = r.randrange(200) if small else None
            frames.append(self.frame(some_bytes(r, n), 0 if i else opcode,
                                     i == parts - 1))
            if r.random() < 0.1:
                frames.append(self.control())
        return frames

    def fault(self, kind):
        """Frames that may pass, and the beginning of one that may not."""
        begun = self.frame(b'begun', wire.TEXT, False)
        if kind == 'over':
            if self.r.random() < 0.5:
                return b'', self.frame(bytes(MAX_MESSAGE + 1),
                                       wire.BINARY)[:100_000]
            return begun, self.frame(bytes(MAX_MESSAGE - 4), 0)[:100_000]
        return self.r.choice([
            (b'', self.frame(b'reserved', 3)),
            (b'', self.frame(b'a fragment', wire.PING, False)),
            (b'', self.frame(b'of none', 0)),
            (b'', frame(b'masked?', wire.TEXT, None if self.masks else b'mask')),
            (begun, self.frame(b'within', wire.TEXT)),
        ])


class Talk:
    """
    .said is what the other side is to hear of it, .heard what it has heard of
    the other side: both without what is between it and bowsprit alone.
    """

    def __init__(self, w, seed, side):
        self.w, self.seed, self.side = w, seed, side
        self.raw = getattr(w.sock, 'raw', w.sock)  # behind its TLS
        self.r = random.Random(f'{seed} {side}')
        self.script = Script(self.r, side == 'client')
        plan = random.Random(f'{seed} end')
        self.end = seed.split('/')[1]
        self.acts = plan.choice([*OTHER]) == side and self.end != 'lifetime'
        self.latest = self.r.random() < 0.3  # is the only Ping it answers
        self.slow = self.r.random() < 0.3
        self.said, self.heard = bytearray(), bytearray()
        self.did = None      # the reasons that it has given to end it
        self.fault = None    # where in .said it said what it may not
        self.told = None     # the code of a Close that it has heard
        self.ours = None     # the same, of bowsprit's
        self.hasty = False   # goes between two frames, not messages
        self.closed = self.finished = self.left = False
        self.since = None    # when that was
        self.late = False    # it took too long for bowsprit to wait
        self.pongs = []      # that are owed
        self.answers = []    # to Pings of bowsprit's: none hears them
        self.pings = 0
        self.over = None     # how what it heard ended: 'fin', 'reset'
        self.change = threading.Condition()

    # It speaks

    def say(self, data, for_all=True):
        """In pieces."""
        if for_all:
            self.said += data
        at = 0
        while at < len(data):
            n = self.r.choice([1, 5, 1000, 16384, 65792, 300_000, 2_000_000])
            self.w.send(data[at:at + n])
            at += n
            if self.slow and self.r.random() < 0.1:
                time.sleep(self.r.random() / 50)  # that is how slow it is

    def pay(self, silence=0):
        """The Pongs that are owed, and those of that many seconds."""
        end = time.monotonic() + silence
        while True:
            with self.change:
                pongs, self.pongs = self.pongs, []
                if not pongs and self.told is None and not self.over:
                    self.change.wait(max(0, end - time.monotonic()))
            if self.latest:
                pongs = pongs[-1:]
            for payload in () if self.closed or self.finished else pongs:
                pong = self.script.frame(payload, wire.PONG)
                if payload.startswith(TAG):
                    self.answers.append(pong)
                self.say(pong, not payload.startswith(TAG))
            if time.monotonic() >= end or self.told is not None or self.over:
                return

    def finish(self):
        if not self.finished and not self.left:
            self.finished = True
            self.w.finish()

    def say_close(self, code):
        if not self.closed:
            self.closed = True
            self.say(self.script.frame(
                wire.closing(code, b'' if code < 4000 else b'random'),
                wire.CLOSE))

    def leave(self, reset):
        """It is gone at once, perhaps with something unread."""
        at = self.r.choice(self.script.messages)[0]
        self.say(at[:self.r.randrange(len(at) + 1)])
        self.left = True
        self.did = {f'{self.side}-reset'}
        if not reset or self.raw.family == wire.socket.AF_UNIX:
            self.did |= {'eof', 'eof-unclean'}
        # Its ear wakes up, and closes.
        self.raw.shutdown(wire.socket.SHUT_RD if reset
                          else wire.socket.SHUT_RDWR)

    def act(self):
        """Ends it; True if nothing more is to be said then."""
        if self.end == 'eof':
            self.did = {'eof'}
            self.finish()
        elif self.end == 'close':
            self.did = {'close'}
            self.say_close(self.r.randrange(4000, 5000))
        elif self.end in FAULTS:
            good, bad = self.script.fault(self.end)
            self.say(good)
            self.fault = len(self.said)
            self.did = {f'{FAULTS[self.end][1]}-{self.side}'}
            self.say(bad)
            return False
        else:
            self.leave(self.end == 'reset')
        return True

    def speech(self):
        messages = self.script.messages
        when = self.r.randrange(len(messages) + 1) if self.acts else None
        for i in range(len(messages) + 1):
            if i == when and self.act():
                return
            for j, raw in enumerate(messages[i] if i < len(messages) else ()):
                self.pay(0.15 if self.r.random() < 0.05 else 0)
                if self.told is not None and (j == 0 or self.hasty):
                    return
                self.say(raw)

    def last_word(self):
        while not self.over and self.told is None:
            self.pay(LIMIT)
        if self.told is not None and not self.finished:
            self.say_close(self.told)
            if self.side == 'server' or self.r.random() < 0.5:
                self.finish()
        while not self.over:
            with self.change:
                self.change.wait(LIMIT)
        self.finish()

    def speak(self):
        try:
            self.speech()
            if not self.left:
                self.last_word()
        except TimeoutError:
            raise
        except (OSError, Closed):
            pass  # its ear tells of that, too

    # It hears

    def more(self, buf):
        try:
            data = b'' if self.left else self.w.sock.recv(
                self.ears.choice([10, 5000, 65536, 1 << 18]))
        except ConnectionResetError:
            self.over = 'reset'
            return False
        if not data:
            self.over = 'fin'
            return False
        buf += data
        if self.deaf and self.ears.random() < 0.2:
            time.sleep(self.ears.random() / 50)  # that is how slow it is
        return True

    def is_ours(self, raw):
        """Is it bowsprit's, and what comes of that?"""
        opcode, payload = raw[0] & 0x0f, payload_of(raw)
        if opcode == wire.PING:
            self.pongs.append(payload)
            if not payload.startswith(TAG):
                return False
            assert (len(raw) == len(payload) + 2) == (self.side == 'client')
            self.pings += 1
            return True
        if opcode != wire.CLOSE:
            return False
        self.told, = struct.unpack('>H', payload[:2])
        self.since = time.monotonic()
        self.hasty = self.ears.random() < 0.5
        faults = [code for code, _ in FAULTS.values()]
        if self.told in faults or (self.side == 'client' and
                                   self.told in GOODBYES):
            assert len(payload) == 2 and self.ours is None
            self.ours = self.told
            return True
        return False

    def hear(self):
        self.ears = random.Random(f'{self.seed} {self.side} ears')
        self.deaf = self.ears.random() < 0.5
        buf = bytearray(self.w.take(len(self.w.buf)))
        while True:
            while (found := shape(buf)) and len(buf) >= found[1]:
                raw = bytes(buf[:found[1]])
                del buf[:found[1]]
                with self.change:
                    assert self.ours is None, f'{raw[:99]} behind its Close'
                    if raw[0] & 0x0f < wire.CLOSE or not self.is_ours(raw):
                        self.heard += raw
                    self.change.notify_all()
            if not self.more(buf):
                break
        # Whoever has left does not hear how a Ping of bowsprit's goes on.
        if not (self.left and buf[:1] in (b'\x88', b'\x89')):
            self.heard += buf
        with self.change:
            self.change.notify_all()

    def run(self):
        talk = Task(self.speak)
        try:
            self.hear()
        finally:
            with self.change:
                self.over = self.over or 'broken'
                self.change.notify_all()
            talk.finish()
            if self.left and self.end == 'reset':
                self.w.reset()
            else:
                self.w.close()
        if self.since:
            self.late = time.monotonic() - self.since > WAIT

    def __str__(self):
        return (f'{self.seed} {self.side}: said {len(self.said)}, heard '
                f'{len(self.heard)}, to {self.over}; did {self.did}, fault '
                f'at {self.fault}, ours {self.ours}, told {self.told}, left '
                f'{self.left}, late {self.late}, pings {self.pings}')


# Both

def difference(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
                min(len(a), len(b)))


def check(x, y, late):
    """What y has heard of x: all that it should, and nothing else."""
    what = f'\n{x}\n{y}'
    n = len(y.heard)
    if not x.said.startswith(y.heard):
        at = difference(x.said, y.heard)
        # Its first bytes may be those of what would have come next.
        rests = [bytes(y.heard[at - i:]) for i in range(min(at, HEADER_MAX))]
        assert (x.left or y.fault is not None or y.ours in (1002, 1009)
                ) and any(a.startswith(rest)
                          for a in x.answers for rest in rests), (
            f'byte {at} of {n} differs{what}')
    if x.left or y.left or late:
        return
    # A server that has said all there is, is not kept for by a drain.
    assert y.over == 'fin' or (x.side == 'server' and x.did == {'eof'}), (
        f'it was reset{what}')
    counts = Counts(y.heard)
    client = x if x.side == 'client' else y
    if client.ours in GOODBYES and x.side == 'server':
        assert not counts.tail and not counts.open, f'within a message{what}'
    elif x.fault is not None and client.ours not in GOODBYES:
        # Of a header in pieces some may have passed, and then no Close can.
        assert n == x.fault or (y.ours is None and
                                x.fault < n < x.fault + HEADER_MAX), (
            f'not what was before its fault{what}')
    elif y.fault is not None:
        assert not counts.tail, f'within a frame{what}'
    elif x.fault is None and (y.did != {'eof'} or y.side == 'client'):
        assert n == len(x.said), f'not all{what}'


class Pair:
    """Both sides' accounts, once both are over."""

    def __init__(self, client, server):
        self.seed = client.seed
        self.end = client.end
        self.ours = client.ours
        self.pings = client.pings, server.pings
        late = client.late or server.late
        check(client, server, late)
        check(server, client, late)
        self.story = f'\n{client}\n{server}'
        self.did = client.did or server.did
        self.by = 'client' if client.did else 'server'
        self.cut = not late and server.did == {'eof'} and (
            len(server.heard) < len(client.said) or client.over != 'fin')
        self.counts, self.bounds, self.pongs = {}, {}, {}
        for x, y in ((client, server), (server, client)):
            c = Counts(y.heard)
            pongs = c.said.pop('pongs')
            if y.over == 'fin' and not y.left and not c.tail and not late:
                self.counts[x.side] = c.said
                if len(x.said) == len(y.heard) and not client.ours:
                    self.pongs[x.side] = pongs, pongs + len(x.answers)
            self.bounds[x.side] = len(y.heard), len(x.said) + sum(
                map(len, x.answers))

    def reasons(self, drained):
        """(by, reason, code) that would fit; None for any code."""
        fits = set()
        for reason in self.did or ():
            by = self.by if self.end not in FAULTS else 'proxy'
            fits.add((by, reason))
        if drained:
            fits.add(('proxy', 'drain'))
        if self.end == 'lifetime':
            fits.add(('proxy', 'tunnel-lifetime'))
        return fits

    def check_line(self, line, drained):
        story = f'{line}{self.story}'
        assert (line['by'], line['reason']) in self.reasons(drained), story
        assert drained or not self.cut, f'not all{story}'
        if self.ours and line['reason'] not in ('close', 'eof'):
            assert line['code'] == self.ours, story
        for side, (least, most) in self.bounds.items():
            said = line[f'from_{side}']
            assert least <= said['bytes'] <= most, story
            assert 'frames' not in said or self.end == 'wrong', story
            assert said['messages'] == said['text'] + said['binary']
            wanted = self.counts.get(side, {})
            for name, n in wanted.items():
                assert said.get(name, 0) == n, f'{side} {name} {n}: {story}'
            # The last that answer Pings of ours may come behind the end of a
            # tunnel that a drain has not kept.
            if side in self.pongs:
                least, most = self.pongs[side]
                if not drained:
                    least = most
                assert least <= said.get('pongs', 0) <= most, (
                    f'{side} pongs {least} to {most}: {story}')
