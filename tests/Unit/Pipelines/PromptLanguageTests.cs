using StableDiffusion.Denoising;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

public sealed class PromptLanguageTests(DemoModelFixture demo) : IClassFixture<DemoModelFixture>
{
    private const int ChunkLength = 77;
    private const int Room = 75;

    [Theory]
    [InlineData(PromptSyntax.A1111)]
    [InlineData(PromptSyntax.ComfyUI)]
    public void A_prompt_without_syntax_is_encoded_alike_in_all_syntaxes(PromptSyntax syntax)
    {
        const string Prompt = "a red house on the grass in daylight";

        Assert.Equal(Encode(Prompt, PromptSyntax.Plain).HiddenStates.Values, Encode(Prompt, syntax).HiddenStates.Values);
        Assert.Equal(Encode("", PromptSyntax.Plain).HiddenStates.Values, Encode("", syntax).HiddenStates.Values);
    }

    [Fact]
    public void Tokens_have_their_weight_and_chunk()
    {
        TextEmbedding embedding = Encode("a (red:1.5) house BREAK [tree]", PromptSyntax.A1111);

        Assert.Equal(["a", "red", "house", "tree"], embedding.Tokens);
        Assert.Equal([1, 1.5, 1, 1 / 1.1], embedding.WeightedTokens.Select(token => token.Weight));
        Assert.Equal([0, 0, 0, 1], embedding.WeightedTokens.Select(token => token.Chunk));
        Assert.Equal(2 * ChunkLength, embedding.HiddenStates.Shape[1]);
        Assert.Equal(2 * ChunkLength, embedding.TokenIds.Count);
    }

    [Fact]
    public void Weights_without_the_mean_restored_multiply_the_vectors_of_their_tokens()
    {
        TextEmbedding plain = Encode("a red house", PromptSyntax.Plain);
        TextEmbedding weighted = Encode("a (red:1.5) house", PromptSyntax.A1111, EmphasisMode.NoNorm);

        int width = plain.HiddenStates.Shape[2];
        for (int i = 0; i < plain.HiddenStates.Length; i++)
        {
            float expected = plain.HiddenStates.Values[i] * (i / width == 2 ? 1.5f : 1);
            Assert.Equal(expected, weighted.HiddenStates.Values[i]);
        }
    }

    [Fact]
    public void The_original_emphasis_keeps_the_mean_of_all_values()
    {
        TextEmbedding plain = Encode("a red house", PromptSyntax.Plain);
        TextEmbedding weighted = Encode("a (red:1.5) house", PromptSyntax.A1111);

        Assert.Equal(plain.HiddenStates.Values.Average(value => (double)value), weighted.HiddenStates.Values.Average(value => (double)value), 1e-6);
        Assert.NotEqual(plain.HiddenStates.Values, weighted.HiddenStates.Values);
    }

    [Fact]
    public void ComfyUI_weighs_from_the_empty_prompt()
    {
        TextEmbedding empty = Encode("", PromptSyntax.Plain);
        TextEmbedding plain = Encode("a red house", PromptSyntax.Plain);
        TextEmbedding weighted = Encode("a (red:1.5) house", PromptSyntax.ComfyUI);

        int width = plain.HiddenStates.Shape[2];
        for (int i = 0; i < plain.HiddenStates.Length; i++)
        {
            double origin = empty.HiddenStates.Values[i];
            double weight = i / width == 2 ? 1.5 : 1;
            Assert.Equal(origin + (weight * (plain.HiddenStates.Values[i] - origin)), weighted.HiddenStates.Values[i], 1e-5);
        }
    }

    [Fact]
    public void Ignored_weights_are_read_and_none_makes_text_of_brackets()
    {
        Assert.Equal(
            Encode("a red house", PromptSyntax.Plain).HiddenStates.Values,
            Encode("a (red:1.5) house", PromptSyntax.A1111, EmphasisMode.Ignore).HiddenStates.Values);
        Assert.Equal(
            Encode("a (red:1.5) house", PromptSyntax.Plain).HiddenStates.Values,
            Encode("a (red:1.5) house", PromptSyntax.A1111, EmphasisMode.None).HiddenStates.Values);
    }

    [Fact]
    public void A_long_prompt_is_divided_after_a_comma_that_is_near()
    {
        // 70 words, a comma, and ten words more: the 76th token would begin the second chunk in the middle of the ten.
        string prompt = string.Join(' ', Enumerable.Repeat("red", 70)) + ", " + string.Join(' ', Enumerable.Repeat("blue", 10));
        TextEmbedding embedding = Encode(prompt, PromptSyntax.A1111);

        Assert.Equal(71, embedding.WeightedTokens.Count(token => token.Chunk == 0));
        Assert.Equal(10, embedding.WeightedTokens.Count(token => token.Chunk == 1));
        Assert.Empty(embedding.LostText);
    }

    [Fact]
    public void A_long_prompt_is_divided_where_a_chunk_is_full_if_no_comma_is_near()
    {
        string prompt = "red, " + string.Join(' ', Enumerable.Repeat("blue", 100));
        TextEmbedding embedding = Encode(prompt, PromptSyntax.A1111);

        Assert.Equal(Room, embedding.WeightedTokens.Count(token => token.Chunk == 0));
        Assert.Equal(102 - Room, embedding.WeightedTokens.Count(token => token.Chunk == 1));
    }

    [Fact]
    public void ComfyUI_moves_a_short_stretch_whole_and_divides_a_long_one()
    {
        string words = string.Join(' ', Enumerable.Repeat("red", 72));
        TextEmbedding moved = Encode($"{words} (a blue house on grass:1.2)", PromptSyntax.ComfyUI);
        TextEmbedding divided = Encode($"{words} (a blue house on the grass in the daylight:1.2)", PromptSyntax.ComfyUI);

        Assert.Equal((72, 5), (moved.WeightedTokens.Count(token => token.Chunk == 0), moved.WeightedTokens.Count(token => token.Chunk == 1)));
        Assert.Equal((Room, 6), (divided.WeightedTokens.Count(token => token.Chunk == 0), divided.WeightedTokens.Count(token => token.Chunk == 1)));
    }

    [Fact]
    public void A_prompt_that_changes_after_the_last_step_is_its_first_text()
    {
        Assert.Equal(Denoise("a red house", PromptSyntax.Plain).Tensor.Values, Denoise("[a red house:a blue fish:1000]", PromptSyntax.A1111).Tensor.Values);
    }

    [Fact]
    public void A_prompt_that_changes_on_the_way_is_each_of_its_texts_in_turn()
    {
        TextEmbedding first = Encode("a red house", PromptSyntax.Plain);
        TextEmbedding second = Encode("a blue fish", PromptSyntax.Plain);
        DenoiseOptions options = new() { Seed = 3, Steps = 6, Scheduler = "Euler" };

        // As in A1111, the first text holds for one step more than it says.
        Latent half = demo.Pipeline.Denoise(first, null, null, options with { StopStep = 4 }, cancellationToken: Cancellation);
        Latent expected = demo.Pipeline.Denoise(second, null, half, new DenoiseOptions(), cancellationToken: Cancellation);

        Assert.Equal(expected.Tensor.Values, Denoise("[a red house:a blue fish:0.5]", PromptSyntax.A1111).Tensor.Values);
    }

    [Fact]
    public void A_prompt_that_changes_can_be_stopped_and_continued()
    {
        TextEmbedding embedding = Encode("[a red house|a blue fish] on the [grass:sand:3]", PromptSyntax.A1111);
        DenoiseOptions options = new() { Seed = 3, Steps = 6, Scheduler = "Euler" };
        Latent whole = demo.Pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation);

        Latent half = demo.Pipeline.Denoise(embedding, null, null, options with { StopStep = 2 }, cancellationToken: Cancellation);
        Latent continued = demo.Pipeline.Denoise(embedding, null, half, new DenoiseOptions(), cancellationToken: Cancellation);

        Assert.Equal(whole.Tensor.Values, continued.Tensor.Values);
    }

    [Fact]
    public void A_part_of_weight_0_changes_nothing_and_other_weights_do()
    {
        float[] alone = Denoise("a red house", PromptSyntax.Plain).Tensor.Values;

        Assert.Equal(alone, Denoise("a red house AND a blue fish :0", PromptSyntax.A1111).Tensor.Values);
        Assert.NotEqual(alone, Denoise("a red house AND a blue fish :0.5", PromptSyntax.A1111).Tensor.Values);
    }

    [Fact]
    public void Two_parts_of_half_a_weight_are_one_of_the_whole()
    {
        float[] alone = Denoise("a red house", PromptSyntax.Plain).Tensor.Values;
        float[] halves = Denoise("a red house :0.5 AND a red house :0.5", PromptSyntax.A1111).Tensor.Values;

        Assert.All(alone.Zip(halves), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
    }

    [Fact]
    public void Parts_and_negative_prompts_of_other_lengths_fit_together()
    {
        string longer = string.Join(", ", Enumerable.Repeat("a red house on the grass", 20));
        TextEmbedding negative = Encode("a black cat", PromptSyntax.A1111);

        Latent latent = demo.Pipeline.Denoise(
            Encode($"a blue fish AND {longer}", PromptSyntax.A1111), negative, null, new DenoiseOptions { Seed = 3, Steps = 2 }, cancellationToken: Cancellation);

        Assert.True(latent.IsComplete);
    }

    [Fact]
    public void Clip_skip_takes_an_earlier_layer_and_one_that_is_not_there_is_refused()
    {
        TextEmbedding last = demo.Pipeline.EncodePrompt("a red house", new PromptOptions(), Cancellation);
        TextEmbedding earlier = demo.Pipeline.EncodePrompt("a red house", new PromptOptions { ClipSkip = 2 }, Cancellation);

        Assert.NotEqual(last.HiddenStates.Values, earlier.HiddenStates.Values);
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(
            () => demo.Pipeline.EncodePrompt("a red house", new PromptOptions { ClipSkip = 99 }, Cancellation));
        Assert.Equal("ClipSkip", error.Setting);
    }

    [Fact]
    public void What_cannot_be_honoured_is_said()
    {
        TextEmbedding embedding = Encode("a red house <lora:style:0.8> (bright", PromptSyntax.A1111);

        Assert.Contains(embedding.Warnings, warning => warning.Contains("<lora:style:0.8>", StringComparison.Ordinal));
        Assert.Contains(embedding.Warnings, warning => warning.Contains("column ", StringComparison.Ordinal));
        Assert.Equal(["a", "red", "house"], embedding.Tokens.Take(3));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private TextEmbedding Encode(string prompt, PromptSyntax syntax, EmphasisMode emphasis = EmphasisMode.Original) =>
        demo.Pipeline.EncodePrompt(prompt, new PromptOptions { Syntax = syntax, Emphasis = emphasis }, Cancellation);

    private Latent Denoise(string prompt, PromptSyntax syntax) => demo.Pipeline.Denoise(
        Encode(prompt, syntax), null, null, new DenoiseOptions { Seed = 3, Steps = 6, Scheduler = "Euler" }, cancellationToken: Cancellation);
}
