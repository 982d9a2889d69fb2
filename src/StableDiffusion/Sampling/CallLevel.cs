using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling;

/// <summary>The noise level of a call, and what the model's output means there.</summary>
/// <param name="Clean">The weights with which the sample and the model's output are the clean sample.</param>
/// <param name="Sigma">The standard deviation of the noise for each unit of the clean sample.</param>
internal readonly record struct CallLevel(PredictionWeights Clean, double Sigma);
