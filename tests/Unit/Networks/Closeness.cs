using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Networks;

/// <summary>Compares tensors within a tolerance.</summary>
internal static class Closeness
{
    /// <summary>Fails unless the shapes are equal and no value is further off than the tolerance.</summary>
    public static void AssertClose(Tensor expected, Tensor actual, float tolerance)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        float largest = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            float deviation = MathF.Abs(expected.Values[i] - actual.Values[i]);

            // A comparison with NaN is false, so NaN must be caught by name.
            largest = float.IsNaN(deviation) ? float.PositiveInfinity : MathF.Max(largest, deviation);
        }

        TestContext.Current.SendDiagnosticMessage("largest deviation {0:e2} of {1:e2}", largest, tolerance);
        Assert.True(largest <= tolerance, $"The largest deviation is {largest:e3}, and {tolerance:e1} is allowed.");
    }
}
