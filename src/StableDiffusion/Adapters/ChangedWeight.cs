namespace StableDiffusion.Adapters;

/// <summary>The original weight of a layer, and how strongly a LoRA changes it.</summary>
/// <param name="Values">The weight [out, in, kernel].</param>
/// <param name="OutWidth">The number of outputs.</param>
/// <param name="InWidth">The number of inputs.</param>
/// <param name="Strength">The strength of the change; 1 for the whole change.</param>
internal sealed record ChangedWeight(float[] Values, int OutWidth, int InWidth, double Strength)
{
    /// <summary>The number of values per output.</summary>
    public int InnerCount => Values.Length / OutWidth;

    /// <summary>The number of values per output and input: those of a convolution's kernel.</summary>
    public int Kernel => InnerCount / InWidth;
}
