using StableDiffusion.Noise;
using StableDiffusion.Sampling.KDiffusion;

namespace StableDiffusion.Tests.Sampling.KDiffusion;

/// <summary>Runs k-diffusion's samplers on the closed-form model and compares with its own numbers.</summary>
public sealed class SamplerReferenceTests
{
    public static TheoryData<int, string> Cases()
    {
        TheoryData<int, string> cases = [];
        foreach (SamplerReferenceCase reference in SamplerReferenceCase.All)
            cases.Add(cases.Count, $"{reference.Info.Name} {reference.Steps} {reference.Options}");
        return cases;
    }

    public static TheoryData<string, int> Schedules() => new(SamplerReferenceCase.Schedules);

    [Theory]
    [MemberData(nameof(Schedules))]
    public void The_noise_levels_are_those_of_A1111(string schedule, int steps)
    {
        Assert.All(SamplerReferenceCase.MeasureSchedule(schedule, steps), deviation => Assert.True(deviation.IsAllowed, $"{deviation}"));
    }

    [Fact]
    public void Every_schedule_has_a_reference()
    {
        Assert.Equal(SamplerReferenceCase.Schedules.Select(schedule => schedule.Name).Distinct().Order(), NoiseLevels.Names.Order());
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_run_gives_the_numbers_of_k_diffusion(int index, string label)
    {
        SamplerReferenceCase reference = SamplerReferenceCase.All[index];
        Sampler sampler = reference.Create();
        if (reference.Noise == "brownian")
            Assert.IsType<BrownianTreeNoise>(reference.CreateNoise(sampler));
        Assert.All(reference.Run(sampler), deviation => Assert.True(deviation.IsAllowed, $"{label}: {deviation}"));
    }
}
