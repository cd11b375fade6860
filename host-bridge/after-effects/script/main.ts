import { publish } from '../../extendscript/publish.ts';

const calls = {
	about: (): { version: string } => ({ version: app.version }),
};

export type AfterEffectsCalls = typeof calls;

publish('pickupAfterEffects', calls);
