using System.Management.Automation;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class GetTextEmbeddingTests(CommandShell fixture) : CommandTests(fixture)
{
    [Theory]
    [InlineData("Get-TextEmbedding 'a red house', ''")]
    [InlineData("'a red house', '' | Get-TextEmbedding")]
    [InlineData("[pscustomobject]@{ Prompt = 'a red house' }, [pscustomobject]@{ Prompt = '' } | Get-TextEmbedding")]
    public void Prompts_come_by_position_as_texts_and_as_rows(string script)
    {
        IReadOnlyList<TextEmbedding> embeddings = RunWell(script).Values<TextEmbedding>();

        Assert.Equal(["a red house", ""], embeddings.Select(embedding => embedding.Prompt));
        Assert.Equal(["a", "red", "house"], embeddings[0].Tokens);
        Assert.Equal([3, 0], embeddings.Select(embedding => embedding.TokenCount));
        Assert.All(embeddings, embedding => Assert.Equal(77, embedding.TokenIds.Count));
        Assert.All(embeddings, embedding => Assert.True(embedding.HiddenStates.HasShape(1, 77, -1)));
    }

    [Fact]
    public void Null_and_an_object_without_a_prompt_are_errors_and_the_next_has_its_turn()
    {
        ShellResult result = Run("$null, [pscustomobject]@{ Text = 'bad' }, 'good' | Get-TextEmbedding");

        Assert.Equal(["good"], result.Values<TextEmbedding>().Select(embedding => embedding.Prompt));
        Assert.Equal(2, result.Errors.Count);
        Assert.Equal("PromptInvalid,SdPowerShell.Commands.GetTextEmbeddingCommand", result.Errors[0].FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.InvalidArgument, result.Errors[0].CategoryInfo.Category);
        Assert.Null(result.Errors[0].TargetObject);
    }

    [Fact]
    public void A_prompt_that_is_cut_is_a_warning_that_names_the_lost_words()
    {
        Set("long", string.Concat(Enumerable.Repeat("red ", 75)) + "purple heart");
        ShellResult result = RunWell("$long, 'short' | Get-TextEmbedding");

        string warning = Assert.Single(result.Warnings);
        Assert.Contains("77 tokens", warning, StringComparison.Ordinal);
        Assert.Contains("'purple heart'", warning, StringComparison.Ordinal);
        Assert.Equal(["purple heart", ""], result.Values<TextEmbedding>().Select(embedding => embedding.LostText));
    }
}
