// SPDX-License-Identifier: ISC
export const metadata = { title: 'Remote CLI' };

// An icon that is no request: a browser would ask for /favicon.ico.
const ICON = 'data:,';

export default function Layout({ children }) {
	return (
		<html lang="en">
			<head>
				<link rel="icon" href={ICON} />
			</head>
			<body style={{ fontFamily: 'sans-serif', margin: '2rem' }}>
				{children}
			</body>
		</html>
	);
}
