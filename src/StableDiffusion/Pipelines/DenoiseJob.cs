using StableDiffusion.Denoising;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>What one denoising takes, with the meaning that the parameters of <see cref="DiffusionPipeline.Denoise"/> have.</summary>
/// <param name="Embedding">The embedding of the prompt.</param>
/// <param name="Negative">The embedding of the negative prompt; null uses that of the empty prompt if the guidance needs one.</param>
/// <param name="Start">The latent to start from; null starts from noise.</param>
/// <param name="Options">The options of the denoising.</param>
public sealed record DenoiseJob(TextEmbedding Embedding, TextEmbedding? Negative, Latent? Start, DenoiseOptions Options);

/// <summary>What came of a denoising in a batch: a latent or an error.</summary>
/// <param name="Job">The index of the job.</param>
/// <param name="Latent">The latent; null if it failed.</param>
/// <param name="Error">Why it failed; null if it did not.</param>
public sealed record DenoiseResult(int Job, Latent? Latent, DiffusionException? Error);
