using StableDiffusion.Denoising;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Compares latents by the measure of the reference: the largest deviation against the mean magnitude.</summary>
internal static class LatentCheck
{
    public static void AssertClose(Tensor expected, Latent actual, double tolerance)
    {
        Assert.Equal(expected.Shape, actual.Tensor.Shape);
        double magnitude = expected.Values.Average(value => Math.Abs((double)value));
        double deviation = expected.Values.Zip(actual.Tensor.Values, (a, b) => Math.Abs((double)a - b)).Max();
        TestContext.Current.TestOutputHelper?.WriteLine($"Largest deviation of the latent: {deviation / magnitude:E2} of its mean magnitude.");
        Assert.True(deviation <= tolerance * magnitude, $"The latent is off by {deviation}, {deviation / magnitude:E2} of its mean magnitude.");
    }
}
