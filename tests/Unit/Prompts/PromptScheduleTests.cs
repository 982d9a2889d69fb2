using StableDiffusion.Prompts;

namespace StableDiffusion.Tests.Prompts;

/// <summary>What the reference cases do not reach.</summary>
public sealed class PromptScheduleTests
{
    [Fact]
    public void A_scheduled_text_keeps_the_place_of_each_character()
    {
        ScheduledText after = PromptSchedule.Parse("a [b:cd:3] e", 10)[1];

        Assert.Equal("a cd e", after.Text);
        Assert.Equal([0, 1, 5, 6, 10, 11], Enumerable.Range(0, after.Text.Length).Select(after.SourceIndex));
    }

    /// <summary>Where A1111's answer varies from one start of Python to the next.</summary>
    [Theory]
    [InlineData("[[ c:7]:x]", "[:x]", "[ c:x]")]
    [InlineData("a [.:3:.33]]]", "a .]]", "a 3]]")]
    [InlineData("[b b :3][:x]1", "[:x]1", "b b [:x]1")]
    public void A_well_formed_schedule_counts_among_brackets_that_do_not_match_up(string prompt, string before, string after)
    {
        Assert.Equal([before, after], PromptSchedule.Parse(prompt, 10).Select(entry => entry.Text));
    }

    [Theory]
    [InlineData("[a:b:1e999]", "a")]
    [InlineData("[a:b:-1e999]", "b")]
    [InlineData("[a:b:inf]", "[a:b:inf]")]
    [InlineData("[a:b:٣]", "[a:b:٣]")]
    public void A_step_is_a_number_in_ASCII_digits_and_held_to_the_run(string prompt, string text)
    {
        ScheduledText only = Assert.Single(PromptSchedule.Parse(prompt, 10));

        Assert.Equal((10, text), (only.UntilStep, only.Text));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_run_without_steps_is_refused(int steps)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => PromptSchedule.Parse("a", steps));
    }
}
