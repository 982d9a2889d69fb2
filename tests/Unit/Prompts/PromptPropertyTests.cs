using System.Text;
using System.Text.RegularExpressions;
using StableDiffusion.Prompts;

namespace StableDiffusion.Tests.Prompts;

/// <summary>What holds for every string, tried on random ones and on the worst ones.</summary>
public sealed partial class PromptPropertyTests
{
    private const int Count = 20_000;

    private static readonly string[] s_alphabet =
    [
        "(", ")", "[", "]", ":", "|", "\\", ",", ".", " ", "\n", "\t", "0", "1", "5", "-", "+", "e", "a", "b", "Z", "_",
        "BREAK", " BREAK ", "AND", " AND ", ":1.2)", ": .5 )", ":3]", ":0.25]", "(a", "[a:b", "[a|b", "\\(", "\\]",
        "é", "\u0301", "\u00A0", "\u001C", "\u0663", "🦓", "𝟗", "\uD83E", "\uDD93", "\0",
    ];

    [Fact]
    public void Every_character_of_an_A1111_prompt_is_text_at_its_place_or_syntax()
    {
        foreach (string prompt in RandomPrompts(1))
        {
            AssertPlaces(prompt, PromptAttention.Parse(prompt, PromptSyntax.A1111), A1111Syntax());
        }
    }

    [Fact]
    public void Every_character_of_a_ComfyUI_prompt_is_text_at_its_place_or_syntax()
    {
        foreach (string prompt in RandomPrompts(2))
        {
            AssertPlaces(prompt, PromptAttention.Parse(prompt, PromptSyntax.ComfyUI), ComfySyntax());
        }
    }

    [Fact]
    public void A_plain_prompt_is_one_text()
    {
        foreach (string prompt in RandomPrompts(3))
        {
            WeightedText only = Assert.Single(PromptAttention.Parse(prompt, PromptSyntax.Plain));

            Assert.Equal((prompt, 1.0, 0, prompt.Length, false), (only.Text, only.Weight, only.Start, only.Length, only.IsBreak));
        }
    }

    [Fact]
    public void Every_scheduled_text_is_made_of_characters_of_the_prompt_in_their_order()
    {
        int scheduled = 0;
        foreach (string prompt in RandomPrompts(4))
        {
            IReadOnlyList<ScheduledText> entries = PromptSchedule.Parse(prompt, 6);
            scheduled += entries.Count > 1 ? 1 : 0;

            Assert.Equal(6, entries[^1].UntilStep);
            Assert.True(entries[0].UntilStep >= 1);
            for (int i = 0; i < entries.Count; i++)
            {
                Assert.True(i == 0 || entries[i].UntilStep > entries[i - 1].UntilStep);
                AssertInOrder(prompt, entries[i].Text, entries[i].SourceIndex);
            }
        }

        Assert.True(scheduled > Count / 100, $"Only {scheduled} of the random prompts had a schedule.");
    }

    [Fact]
    public void The_parts_of_a_composite_prompt_stand_in_it_with_only_white_space_weights_and_AND_between()
    {
        foreach (string prompt in RandomPrompts(5))
        {
            int end = 0;
            IReadOnlyList<CompositePart> parts = CompositePrompt.Parse(prompt);
            foreach (CompositePart part in parts)
            {
                Assert.Equal(part.Text, prompt.Substring(part.Start, part.Text.Length));
                Assert.True(part.Start == 0 || BetweenParts().IsMatch(prompt[end..part.Start]), prompt);
                end = part.Start + part.Text.Length;
            }

            Assert.True(BetweenParts().IsMatch(prompt[end..] + "AND"), prompt);
        }
    }

    [Fact]
    public void A_check_of_any_string_finds_columns_within_it_in_order()
    {
        foreach (PromptSyntax syntax in Enum.GetValues<PromptSyntax>())
        {
            foreach (string prompt in RandomPrompts(6).Take(Count / 4))
            {
                IReadOnlyList<PromptDiagnostic> found = PromptValidation.Check(prompt, syntax, 4);

                Assert.All(found, diagnostic => Assert.InRange(diagnostic.Column, 1, prompt.Length + 1));
                Assert.Equal(found.OrderBy(diagnostic => diagnostic.Column), found);
                Assert.True(syntax != PromptSyntax.Plain || found.Count == 0);
            }
        }
    }

    [Theory]
    [InlineData("(")]
    [InlineData(")")]
    [InlineData("[")]
    [InlineData("]")]
    [InlineData("|")]
    [InlineData("\\")]
    [InlineData(":")]
    [InlineData(": ")]
    [InlineData(":1")]
    [InlineData("([a")]
    [InlineData("[|")]
    [InlineData("[a:")]
    [InlineData(" BREAK")]
    [InlineData(" AND")]
    public void A_prompt_of_a_hundred_thousand_characters_is_read(string repeated)
    {
        string prompt = string.Concat(Enumerable.Repeat(repeated, 100_000 / repeated.Length));

        AssertReadByAll(prompt);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("(a", ":1.01)")]
    [InlineData("([a", "])")]
    [InlineData("[a:b", ":3]")]
    [InlineData("[a|", "]")]
    [InlineData("(a:", "1)")]
    public void Brackets_nested_ten_thousand_deep_are_read(string open, string close)
    {
        string prompt = string.Concat(Enumerable.Repeat(open, 10_000)) + "x" + string.Concat(Enumerable.Repeat(close, 10_000));

        AssertReadByAll(prompt);
    }

    private static void AssertReadByAll(string prompt)
    {
        AssertPlaces(prompt, PromptAttention.Parse(prompt, PromptSyntax.A1111), null);
        AssertPlaces(prompt, PromptAttention.Parse(prompt, PromptSyntax.ComfyUI), null);
        Assert.NotEmpty(PromptSchedule.Parse(prompt, 4));
        Assert.NotEmpty(CompositePrompt.Parse(prompt));
        Assert.NotNull(PromptValidation.Check(prompt, PromptSyntax.A1111, 4));
        Assert.NotNull(PromptValidation.Check(prompt, PromptSyntax.ComfyUI, 4));
    }

    private static void AssertPlaces(string prompt, IReadOnlyList<WeightedText> spans, Regex? syntax)
    {
        Assert.NotEmpty(spans);

        // Text becomes U+FFFF, or U+FFFE where it reads BREAK; all that stays must be syntax.
        char[] rest = prompt.ToCharArray();
        int end = 0;
        foreach (WeightedText span in spans)
        {
            Assert.InRange(span.Start, end, prompt.Length);
            AssertInOrder(prompt, span.Text, span.SourceIndex);
            for (int i = 0; i < span.Text.Length; i++)
            {
                rest[span.SourceIndex(i)] = '\uFFFF';
            }

            if (span.Text.Length > 0)
            {
                Assert.Equal(span.Start, span.SourceIndex(0));
                Assert.Equal(span.Start + span.Length - 1, span.SourceIndex(span.Text.Length - 1));
            }

            end = span.Start + span.Length;
        }

        Assert.True(end <= prompt.Length);
        if (syntax is not null)
        {
            for (int i = prompt.IndexOf("BREAK", StringComparison.Ordinal); i >= 0; i = prompt.IndexOf("BREAK", i + 5, StringComparison.Ordinal))
            {
                rest.AsSpan(i, 5).Replace('\uFFFF', '\uFFFE');
            }

            Assert.True(syntax.IsMatch(new string(rest)), $"Text was lost from '{prompt}'.");
        }
    }

    private static void AssertInOrder(string prompt, string text, Func<int, int> sourceIndex)
    {
        int last = -1;
        for (int i = 0; i < text.Length; i++)
        {
            int index = sourceIndex(i);
            if (index <= last || prompt[index] != text[i])
            {
                Assert.Fail($"Character {i} of '{text}' is not at {index} in '{prompt}'.");
            }

            last = index;
        }
    }

    private static IEnumerable<string> RandomPrompts(int seed)
    {
        Random random = new(seed);
        StringBuilder prompt = new();
        for (int i = 0; i < Count; i++)
        {
            prompt.Clear();
            for (int tokens = random.Next(24); tokens > 0; tokens--)
            {
                prompt.Append(s_alphabet[random.Next(s_alphabet.Length)]);
            }

            yield return prompt.ToString();
        }
    }

    /// <summary>Brackets, backslashes, weights, and white space beside BREAK (U+FFFE), between texts.</summary>
    [GeneratedRegex(@"^(?:[\uFFFE\uFFFF]|[()\[\]\\]|:[\s\x1C-\x1F]*[+-]?(?:[.\d]|\uD835[\uDFCE-\uDFFF])+[\s\x1C-\x1F]*\)|(?<=\uFFFE[\s\x1C-\x1F]*)[\s\x1C-\x1F]|[\s\x1C-\x1F](?=[\s\x1C-\x1F]*\uFFFE))*$")]
    private static partial Regex A1111Syntax();

    /// <summary>Parentheses, the backslashes before them, and weights, between texts (U+FFFF).</summary>
    [GeneratedRegex(@"^(?:[\uFFFE\uFFFF]|[()]|\\(?=\uFFFF)|:[^\uFFFE\uFFFF()\[\]:|\\]+\))*$")]
    private static partial Regex ComfySyntax();

    [GeneratedRegex(@"^(?:[\s\x1C-\x1F]*:[\s\x1C-\x1F]*[+-]?(?:[.\d]|\uD835[\uDFCE-\uDFFF])+)?[\s\x1C-\x1F]*AND$")]
    private static partial Regex BetweenParts();
}
