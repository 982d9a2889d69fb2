using StableDiffusion.Prompts;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Text;

[Collection(AloneCollection.Name)]
public sealed class PromptLimitTests : IDisposable
{
    public void Dispose()
    {
        Environment.SetEnvironmentVariable(PromptLimit.Length.Variable, null);
        Environment.SetEnvironmentVariable(PromptLimit.Parts.Variable, null);
    }

    [Fact]
    public void A_longer_prompt_is_refused_with_the_limit_and_the_variable_that_raises_it()
    {
        PromptLimit.Check("Prompt", new string('a', 100_000));

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => PromptLimit.Check("NegativePrompt", new string('a', 100_001)));

        Assert.Equal("NegativePrompt", error.Setting);
        Assert.Contains("100000", error.Message, StringComparison.Ordinal);
        Assert.Contains("STABLEDIFFUSION_MAX_PROMPT_LENGTH", error.Message, StringComparison.Ordinal);

        Environment.SetEnvironmentVariable(PromptLimit.Length.Variable, "200000");
        PromptLimit.Check("Prompt", new string('a', 100_001));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("many")]
    public void A_limit_that_is_no_number_is_an_error(string value)
    {
        Environment.SetEnvironmentVariable(PromptLimit.Length.Variable, value);

        Assert.Contains(value, Assert.Throws<InvalidSettingException>(() => PromptLimit.Check("Prompt", "a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_chunks_of_one_text_and_of_all_are_limited()
    {
        PromptLimit.CheckChunks([400]);
        PromptLimit.CheckChunks([.. Enumerable.Repeat(4, 1000)]);

        Assert.Throws<InvalidSettingException>(() => PromptLimit.CheckChunks([401]));
        Assert.Throws<InvalidSettingException>(() => PromptLimit.CheckChunks([.. Enumerable.Repeat(5, 1000)]));
    }

    [Fact]
    public void The_number_of_prompts_that_are_joined_is_limited()
    {
        PromptLimit.CheckParts(100);

        Assert.Contains(PromptLimit.Parts.Variable, Assert.Throws<InvalidSettingException>(() => PromptLimit.CheckParts(101)).Message, StringComparison.Ordinal);

        Environment.SetEnvironmentVariable(PromptLimit.Parts.Variable, "101");
        PromptLimit.CheckParts(101);
    }

    /// <summary>The text of each of a thousand steps would be a hundred megabytes.</summary>
    [Fact]
    public void The_texts_of_a_schedule_are_counted_while_they_are_made()
    {
        string prompt = string.Concat(Enumerable.Repeat("[a|b] ", 16_000));
        long characters = 0;
        int texts = 0;

        Assert.Throws<InvalidSettingException>(() => PromptSchedule.Parse(prompt, 1000, judge: length =>
        {
            texts++;
            characters = PromptLimit.Count(characters, length);
        }));

        Assert.InRange(texts, 20, 50);
        Assert.Equal(1000, PromptSchedule.Parse("[a|b]", 1000, judge: length => PromptLimit.Count(0, length)).Count);
    }
}
