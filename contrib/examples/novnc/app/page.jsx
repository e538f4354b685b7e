// SPDX-License-Identifier: ISC
import { redirect } from 'next/navigation';

export default function Home() {
	redirect('/dashboard/remote-cli');
}
