using StableDiffusion.Prompts;

namespace StableDiffusion.Tests.Prompts;

public sealed class PromptDiagnosticTests
{
    [Theory]
    [InlineData("a (b", 3, "never closed")]
    [InlineData("a [b", 3, "never closed")]
    [InlineData("a) b", 2, "closes nothing")]
    [InlineData("a] b", 2, "closes nothing")]
    [InlineData("a:1.2) b", 6, "closes nothing")]
    [InlineData("(a:1.2.3) b", 4, "not a number")]
    [InlineData("a \\b", 3, "backslash")]
    [InlineData("(a BREAK b)", 4, "BREAK")]
    [InlineData("[a|b] c | d", 9, "alternation")]
    [InlineData("a [b|c", 3, "never closed")]
    [InlineData("a [b|c", 5, "alternation")]
    [InlineData("a [b|c:0.5]", 3, "both | and :")]
    [InlineData("a [b:c:half]", 8, "not a number")]
    [InlineData("a [b:c:d:0.5]", 3, "more parts")]
    [InlineData("[a|b] \\\n", 7, "whole prompt")]
    [InlineData("a ratio of 16:9", 14, "weight of the whole prompt")]
    [InlineData("a AND", 6, "an empty one is added")]
    [InlineData("a AND b (c", 9, "never closed")]
    [InlineData("a [b:(c:3]", 6, "never closed")]
    public void A_fault_in_an_A1111_prompt_is_told_with_its_column(string prompt, int column, string part)
    {
        IReadOnlyList<PromptDiagnostic> found = PromptValidation.Check(prompt, PromptSyntax.A1111, 10);

        Assert.Contains(found, diagnostic => diagnostic.Column == column && diagnostic.Message.Contains(part, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a (b", 3, "never closed")]
    [InlineData("a) b", 2, "closes nothing")]
    public void A_fault_in_a_ComfyUI_prompt_is_told_with_its_column(string prompt, int column, string part)
    {
        PromptDiagnostic found = Assert.Single(PromptValidation.Check(prompt, PromptSyntax.ComfyUI, 10));

        Assert.Equal(column, found.Column);
        Assert.Contains(part, found.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", PromptSyntax.A1111)]
    [InlineData("a cat | a dog, style: [dark]", PromptSyntax.A1111)]
    [InlineData("a \\(b\\) \\\\ ((c)) (d:1.2) [e] BREAK f", PromptSyntax.A1111)]
    [InlineData("[a:b:0.5] [c|d|] [[e:3]::7] [a BREAK b:c:3]", PromptSyntax.A1111)]
    [InlineData("a :0.5 AND b :1", PromptSyntax.A1111)]
    [InlineData("a [b :\\c: (d \\) (e:1.2))", PromptSyntax.ComfyUI)]
    [InlineData("a (b [c ] d) :2", PromptSyntax.Plain)]
    [InlineData("a ((b :2", PromptSyntax.Plain)]
    public void A_prompt_without_a_fault_passes(string prompt, PromptSyntax syntax)
    {
        Assert.Empty(PromptValidation.Check(prompt, syntax, 10));
    }

    [Fact]
    public void A_parser_tells_a_hundred_faults_at_most()
    {
        List<PromptDiagnostic> found = [];
        _ = PromptAttention.Parse(new string(')', 1000), PromptSyntax.A1111, found);

        Assert.Equal(100, found.Count);
    }
}
