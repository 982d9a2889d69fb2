using SdPowerShell.Scripts;
using StableDiffusion.Metadata;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Replaying;

/// <summary>Settings of other tools as stages and as commands.</summary>
public sealed class FlatRecordTests
{
    [Fact]
    public void Settings_of_A1111_become_one_command()
    {
        const string Text = "a (red:1.2) house\nNegative prompt: it's blue\nSteps: 12, Sampler: Euler a, CFG scale: 4.5, Seed: 5, Size: 512x768, Clip skip: 2, Version: v1.10.1";
        GenerationInfo info = InfotextMetadata.Read(Text, hasGraph: false, []).Info;

        string script = StageScript.Write(FlatRecord.ToStages(info), "x.png");
        Assert.Equal("New-DiffusionImage 'a (red:1.2) house' -NegativePrompt 'it''s blue' -PromptSyntax 'A1111' -ClipSkip 2 -Seed 5 -Steps 12 -Scheduler 'A1111 Euler a' -GuidanceScale 4.5 -Width 512 -Height 768", script.Split('\n')[2]);
    }

    [Fact]
    public void Settings_that_do_not_say_what_an_image_was_made_of_are_refused()
    {
        Assert.Throws<NotRepeatableException>(() => FlatRecord.ToStages(new GenerationInfo()));
        Assert.Throws<NotRepeatableException>(() => FlatRecord.ToStages(new GenerationInfo { Prompt = "a", Strength = 0.5 }));
    }
}
