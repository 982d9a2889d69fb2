using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Sampling;

/// <summary>Runs every scheduler on the closed-form model of schedulers.json and compares with diffusers' numbers.</summary>
public sealed class SchedulerReferenceTests
{
    public static TheoryData<int, string> Cases()
    {
        TheoryData<int, string> cases = [];
        foreach (SchedulerReferenceCase reference in SchedulerReferenceCase.All)
            cases.Add(cases.Count, $"{reference.ClassName} {reference.Steps} {reference.Options}");
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_model_that_is_published_with_the_options_gives_the_numbers_of_diffusers(int index, string label)
    {
        SchedulerReferenceCase reference = SchedulerReferenceCase.All[index];
        Assert.Equal(reference.ClassName, reference.Info.ClassName);
        Check(reference, reference.CreateByModel(), label);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_caller_that_gives_the_options_gets_the_numbers_of_diffusers(int index, string label)
    {
        SchedulerReferenceCase reference = SchedulerReferenceCase.All[index];
        Check(reference, reference.CreateByOptions(), label);
    }

    private static void Check(SchedulerReferenceCase reference, Scheduler scheduler, string label)
    {
        Assert.Equal(reference.Steps, scheduler.Steps);
        if (reference.Strength is double strength)
            Assert.Equal(reference.FirstCall, scheduler.FirstCall(strength));
        Assert.All(reference.Run(scheduler), deviation => Assert.True(deviation.IsAllowed, $"{label}: {deviation}"));
    }
}
