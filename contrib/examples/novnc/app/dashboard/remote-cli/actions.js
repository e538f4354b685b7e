// SPDX-License-Identifier: ISC
'use server';

import { randomUUID } from 'node:crypto';
import { redirect } from 'next/navigation';

// A Server Action is refused when Origin and X-Forwarded-Host disagree, so
// this form also shows that the proxy in front gets that header right.
export async function connectProvider(form) {
	const provider = String(form.get('provider') ?? '');
	const query = new URLSearchParams({ provider, session: randomUUID() });
	redirect(`/dashboard/remote-cli?${query}`);
}
