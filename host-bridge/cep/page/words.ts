/** What the page says itself; the panel has words of its own. */
export type PageWords = {
	readonly connected: (editor: string) => string;
	readonly starting: string;
	readonly stopped: string;
	readonly openInBrowser: string;
	readonly start: string;
	/** For the editors' windows that are too old to draw the panel. */
	readonly tooOld: string;
};

const en: PageWords = {
	connected: (editor) => `Pickup is connected with ${editor}.`,
	starting: 'Pickup is starting …',
	stopped: 'Pickup is not running.',
	openInBrowser: 'Open the panel in a browser',
	start: 'Start Pickup',
	tooOld: 'This version cannot draw the panel itself.',
};

const de: PageWords = {
	connected: (editor) => `Pickup ist mit ${editor} verbunden.`,
	starting: 'Pickup startet …',
	stopped: 'Pickup läuft nicht.',
	openInBrowser: 'Panel im Browser öffnen',
	start: 'Pickup starten',
	tooOld: 'Diese Version kann das Panel nicht selbst anzeigen.',
};

const ja: PageWords = {
	connected: (editor) => `Pickupは${editor}に接続しています。`,
	starting: 'Pickupを起動しています…',
	stopped: 'Pickupは起動していません。',
	openInBrowser: 'パネルをブラウザーで開く',
	start: 'Pickupを起動',
	tooOld: 'このバージョンはパネルを表示できません。',
};

/** `locale`: as `de_DE`. */
export function wordsFor(locale: string): PageWords {
	if (locale.startsWith('de')) return de;
	return locale.startsWith('ja') ? ja : en;
}
