namespace StableDiffusion.Networks.Configs;

/// <summary>
/// What SDXL's U-Net is told besides prompt and timestep: the pooled text, and sizes in pixels as sines and cosines
/// (Podell et al., arXiv 2307.01952, section 2.2).
/// </summary>
/// <param name="WaveWidth">How many sines and cosines stand for one size (<c>addition_time_embed_dim</c>).</param>
/// <param name="Width">The width of the pooled text and of the waves of all sizes together (<c>projection_class_embeddings_input_dim</c>).</param>
internal sealed record AddedConditioningConfig(int WaveWidth, int Width);
