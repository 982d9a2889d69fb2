namespace StableDiffusion.Networks.Configs;

/// <summary>
/// The added conditioning of SDXL's U-Net: the pooled text embedding, and sizes in pixels as sinusoidal embeddings
/// (Podell et al., arXiv 2307.01952, section 2.2).
/// </summary>
/// <param name="WaveWidth">The width of the embedding of one size (<c>addition_time_embed_dim</c>).</param>
/// <param name="Width">The width of the pooled text and the embeddings of all sizes together (<c>projection_class_embeddings_input_dim</c>).</param>
internal sealed record AddedConditioningConfig(int WaveWidth, int Width);
