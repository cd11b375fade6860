/** What Chromium 88, in which CEP 11 runs, lacks of what the agent uses. */
if (!Object.hasOwn) {
	Object.hasOwn = (object, name) => Reflect.getOwnPropertyDescriptor(object, name) !== undefined;
}

export {};
