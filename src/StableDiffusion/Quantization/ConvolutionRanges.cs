namespace StableDiffusion.Quantization;

/// <summary>The ranges of the input and output of a convolution.</summary>
/// <param name="Input">The range of its input.</param>
/// <param name="Output">The range of its output.</param>
internal readonly record struct ConvolutionRanges(ActivationRange Input, ActivationRange Output)
{
    /// <summary>The smallest ranges that include these and others.</summary>
    public ConvolutionRanges Join(ConvolutionRanges other) => new(Input.Join(other.Input), Output.Join(other.Output));
}
