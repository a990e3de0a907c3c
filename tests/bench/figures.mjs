// What a row of measurements comes to.

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);

/** The middle one; of an even count the lower of the two in the middle. */
export const median = (numbers) => sorted(numbers)[Math.floor((numbers.length - 1) / 2)];

/** The smallest that is not below `share` of all (nearest rank). */
export const percentile = (numbers, share) => sorted(numbers)[Math.max(0, Math.ceil(numbers.length * share) - 1)];
