using StableDiffusion.Prompts;

namespace StableDiffusion.Tests.Prompts;

public sealed class ExtraNetworksTests
{
    [Theory]
    [InlineData("a <lora:x:1> b <lora:y", "a  b <lora:y", 1)]
    [InlineData("<a:<b:c>", "", 1)]
    [InlineData("no > tag <", "no > tag <", 0)]
    public void Tags_are_removed(string prompt, string rest, int count)
    {
        Assert.Equal(rest, ExtraNetworks.Remove(prompt, out IReadOnlyList<ExtraNetwork> removed));
        Assert.Equal(count, removed.Count);
    }

    /// <summary>Following each of these to the end of the prompt takes minutes.</summary>
    [Fact]
    public void Openings_without_an_end_are_passed_over()
    {
        string prompt = string.Concat(Enumerable.Repeat("<a:", 1_000_000));

        Assert.Equal(prompt, ExtraNetworks.Remove(prompt, out _));
    }
}
