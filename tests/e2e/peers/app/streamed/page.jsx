// SPDX-License-Identifier: ISC
import { connection } from 'next/server';
import { Suspense } from 'react';

// A page that is sent in two parts.
export default async function Streamed() {
	await connection();
	return (
		<Suspense fallback={<p>Wait</p>}>
			<Late />
		</Suspense>
	);
}

async function Late() {
	await new Promise((resolve) => setTimeout(resolve, 100));
	return <p>That was late.</p>;
}
