namespace StableDiffusion.Quantization;

/// <summary>What runs into and out of a convolution.</summary>
/// <param name="Input">Its input.</param>
/// <param name="Output">Its output.</param>
internal readonly record struct ConvolutionRanges(ActivationRange Input, ActivationRange Output)
{
    /// <summary>The ranges that hold these and others.</summary>
    public ConvolutionRanges Join(ConvolutionRanges other) => new(Input.Join(other.Input), Output.Join(other.Output));
}
