import type { CutScene } from '../state/scene.ts';
import type { ShotView } from '../state/shots.ts';
import { Conflict } from './conflict.tsx';
import { Failed } from './failed.tsx';
import { Running } from './running.tsx';
import { Takes } from './takes-view.tsx';

/** What has become of a press: it is made, stopped, found no place, or is there to choose from. */
export function Shot({ scene, shot }: { scene: CutScene; shot: ShotView }) {
	switch (scene.mode) {
		case 'running':
			return <Running scene={scene} shot={shot} />;
		case 'error':
			return <Failed scene={scene} shot={shot} />;
		case 'conflict':
			return <Conflict scene={scene} shot={shot} />;
		default:
			return <Takes key={shot.id} scene={scene} shot={shot} />;
	}
}
