/** Something that whoever called can mend. Its text is all that is shown. */
export class Refusal extends Error {}
