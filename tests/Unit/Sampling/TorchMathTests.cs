using StableDiffusion.Sampling;
using StableDiffusion.Tests.Sampling.KDiffusion;

namespace StableDiffusion.Tests.Sampling;

/// <summary>Compares the exponential function with its exact values, and with torch's where the last bit counts.</summary>
public sealed class TorchMathTests
{
    [Fact]
    public void A_power_of_e_is_exact_to_within_a_unit_in_the_last_place()
    {
        const int Count = 200_000;
        for (int i = 0; i <= Count; i++)
        {
            float power = (float)(-87 + (175.5 * i / Count));
            double exact = Math.Exp(power);
            double unit = (double)MathF.BitIncrement((float)exact) - (float)exact;
            Assert.True(Math.Abs(TorchMath.Exp(power) - exact) <= unit, $"exp({power:R}) is {exact:R}, not {TorchMath.Exp(power):R}.");
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(float.NegativeInfinity, 0)]
    [InlineData(-105, 0)]
    [InlineData(-103, float.Epsilon)]
    [InlineData(89, float.PositiveInfinity)]
    [InlineData(101, float.PositiveInfinity)]
    [InlineData(float.MaxValue, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void A_power_of_e_ends_where_numbers_do(float power, float expected)
    {
        Assert.Equal(expected, TorchMath.Exp(power));
    }

    [Fact]
    public void Steps_that_go_by_powers_of_e_call_the_model_at_the_levels_of_torch_to_the_bit()
    {
        SamplerReferenceCase[] cases = [.. OfOptions("DPM++ SDE"), .. OfOptions("DPM++ 2S a")];
        Assert.Equal(9, cases.Length);
        Assert.All(cases, reference => Assert.Equal(0, reference.Measure().Single()[1].Largest));
    }

    [Fact]
    public void Noise_of_a_path_is_asked_for_at_the_levels_of_torch()
    {
        // A level that is off by a bit moves the path's end by another node, and the final sample by 1e-4.
        Assert.All(OfOptions("DPM++ SDE"), reference => Assert.InRange(reference.Measure().Single()[^1].Largest, 0, 2e-6));
    }

    // Those with options of their own: of the others, k-diffusion's levels are not the same on all machines to the bit.
    private static IEnumerable<SamplerReferenceCase> OfOptions(string name) => SamplerReferenceCase.All
        .Where(reference => reference.Info.Name == name && reference.Options.StartsWith("schedule=karras", StringComparison.Ordinal)
            && reference.Options is not ("schedule=karras, noise=independent" or "schedule=karras, noise=brownian"));
}
