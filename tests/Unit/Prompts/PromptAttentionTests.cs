using StableDiffusion.Prompts;

namespace StableDiffusion.Tests.Prompts;

/// <summary>What the reference cases do not reach.</summary>
public sealed class PromptAttentionTests
{
    [Fact]
    public void A_span_starts_and_ends_at_its_text_and_keeps_the_place_of_each_character()
    {
        IReadOnlyList<WeightedText> spans = PromptAttention.Parse("a (b\\)c:1.5)", PromptSyntax.A1111);

        Assert.Equal((0, 2), (spans[0].Start, spans[0].Length));
        Assert.Equal(("b)c", 3, 4), (spans[1].Text, spans[1].Start, spans[1].Length));
        Assert.Equal([3, 5, 6], Enumerable.Range(0, 3).Select(spans[1].SourceIndex));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void A_character_that_the_text_lacks_has_no_place(int index)
    {
        WeightedText span = PromptAttention.Parse("(abc)", PromptSyntax.A1111)[0];

        Assert.Throws<ArgumentOutOfRangeException>(() => span.SourceIndex(index));
    }

    /// <summary>A1111 fails with an unhandled ValueError.</summary>
    [Fact]
    public void A_weight_that_is_no_number_is_text()
    {
        WeightedText span = Assert.Single(PromptAttention.Parse("(a:1.2.3)", PromptSyntax.A1111));

        Assert.Equal("a:1.2.3", span.Text);
        Assert.Equal(1.1, span.Weight, 1e-12);
    }

    [Fact]
    public void A_weight_may_have_the_digits_of_any_script()
    {
        Assert.Equal(1.25, PromptAttention.Parse("(a:١.٢٥)", PromptSyntax.A1111)[0].Weight);
        Assert.Equal(1.25, PromptAttention.Parse("(a:１.２５)", PromptSyntax.ComfyUI)[0].Weight);
        Assert.Equal(9, PromptAttention.Parse("(a:𝟗)", PromptSyntax.A1111)[0].Weight);
    }

    [Theory]
    [InlineData("(a:inf)", "a:inf")]
    [InlineData("(a:nan)", "a:nan")]
    [InlineData("(a:1e999)", "a:1e999")]
    public void A_weight_that_is_not_finite_is_text_to_ComfyUI(string prompt, string text)
    {
        WeightedText span = Assert.Single(PromptAttention.Parse(prompt, PromptSyntax.ComfyUI));

        Assert.Equal(text, span.Text);
        Assert.Equal(1.1, span.Weight, 1e-12);
    }

    [Fact]
    public void A_weight_in_ComfyUI_replaces_the_one_around_it()
    {
        IReadOnlyList<WeightedText> spans = PromptAttention.Parse("(a (b:1.3) (c):2)", PromptSyntax.ComfyUI);

        Assert.Equal([("a ", 2.0), ("b", 1.3), (" ", 2.0), ("c", 2.2)], spans.Select(span => (span.Text, span.Weight)));
    }

    [Fact]
    public void Only_A1111_knows_BREAK()
    {
        Assert.True(PromptAttention.Parse("a BREAK b", PromptSyntax.A1111)[1].IsBreak);
        Assert.False(PromptAttention.Parse("(BREAK:-1)", PromptSyntax.ComfyUI)[0].IsBreak);
    }

    [Fact]
    public void Brackets_within_a_thousand_of_their_kind_weigh_nothing()
    {
        double thousand = Nested(1000);

        Assert.Equal(Math.Pow(1.1, 1000), thousand, thousand * 1e-12);
        Assert.True(Nested(999) < thousand);
        Assert.Equal(thousand, Nested(1001));

        static double Nested(int depth) =>
            PromptAttention.Parse(new string('(', depth) + "a" + new string(')', depth), PromptSyntax.A1111)[0].Weight;
    }

    [Fact]
    public void A_syntax_that_does_not_exist_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => PromptAttention.Parse("a", (PromptSyntax)7));
    }
}
