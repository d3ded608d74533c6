// Exponential moving average, corrected for its start (as Adam's moments: arXiv 1412.6980, 3).

/** weight: 0 (none) to below 1, of the past. Missing values stay missing. */
export function smooth(values, weight) {
  let average = 0;
  let past = 1;
  return values.map((value) => {
    if (value === null || value === undefined) return value;
    average = weight * average + (1 - weight) * value;
    past *= weight;
    return average / (1 - past);
  });
}
