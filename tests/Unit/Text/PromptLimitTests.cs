using StableDiffusion.Text;

namespace StableDiffusion.Tests.Text;

[Collection(AloneCollection.Name)]
public sealed class PromptLimitTests : IDisposable
{
    public void Dispose() => Environment.SetEnvironmentVariable(PromptLimit.Length.Variable, null);

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
}
