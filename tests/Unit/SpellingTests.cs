namespace StableDiffusion.Tests;

public sealed class SpellingTests
{
    [Theory]
    [InlineData("NegativPrompt", "NegativePrompt")]
    [InlineData("out_file", "OutFile")]
    [InlineData("out file ", "OutFile")]
    [InlineData("Stepps", "Steps")]
    [InlineData("Sede", null)]
    [InlineData("Id", null)]
    [InlineData("Comment", null)]
    [InlineData("", null)]
    public void A_word_is_taken_for_the_nearest_one_that_is_near(string word, string? expected) =>
        Assert.Equal(expected, Spelling.Nearest(word, ["Count", "NegativePrompt", "OutFile", "Prompt", "Seed", "Steps"]));

    [Theory]
    [InlineData("png", "png")]
    [InlineData("png or jpg", "png", "jpg")]
    [InlineData("png, jpg or webp", "png", "jpg", "webp")]
    public void Choices_are_listed(string expected, params string[] words) => Assert.Equal(expected, Spelling.Choices(words));
}
