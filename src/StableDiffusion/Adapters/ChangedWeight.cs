namespace StableDiffusion.Adapters;

/// <summary>The original weight of a layer, and how strongly a LoRA changes it.</summary>
/// <param name="Original">Reads the weight, the first time that a change depends on its values.</param>
/// <param name="OutWidth">The number of outputs.</param>
/// <param name="InWidth">The number of inputs.</param>
/// <param name="InnerCount">The number of values per output.</param>
/// <param name="Strength">The strength of the change; 1 for the whole change.</param>
internal sealed record ChangedWeight(Lazy<float[]> Original, int OutWidth, int InWidth, int InnerCount, double Strength)
{
    /// <summary>The weight [out, in, kernel].</summary>
    public float[] Values => Original.Value;

    /// <summary>The number of values per output and input: those of a convolution's kernel.</summary>
    public int Kernel => InnerCount / InWidth;
}
