// SPDX-License-Identifier: ISC
import { connectProvider } from './actions.js';

const SCREEN = { width: 800, height: 600, border: '1px solid #888' };

// What the next line says is edited by the test of hot reloading.
const HEADING = 'Remote CLI';

export default async function RemoteCli({ searchParams }) {
	const { provider, session } = await searchParams;

	return (
		<main>
			<h1>{HEADING}</h1>
			<form action={connectProvider}>
				<select name="provider" defaultValue={provider}>
					<option>Claude Code</option>
					<option>Codex</option>
				</select>{' '}
				<button>Connect Provider</button>
			</form>
			{session && <Screen provider={provider} session={session} />}
		</main>
	);
}

function Screen({ provider, session }) {
	const src = `/api/auth/session/${encodeURIComponent(session)}/novnc`;

	return (
		<section>
			<p id="connected">Connected to {provider}</p>
			<iframe id="screen" title="Remote desktop" src={src} style={SCREEN} />
		</section>
	);
}
