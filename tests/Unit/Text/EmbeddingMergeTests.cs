using StableDiffusion.Noise;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Text;

/// <summary>Embeddings that are merged.</summary>
public sealed class EmbeddingMergeTests
{
    [Fact]
    public void Two_are_merged_value_by_value_and_their_pooled_vectors_too()
    {
        TextEmbedding first = Create("a", 1), second = Create("b", 2);
        TextEmbedding merged = EmbeddingMerge.Merge(first, second, 0.3);
        AssertMean(merged.HiddenStates, (first.HiddenStates, 0.7), (second.HiddenStates, 0.3));
        AssertMean(merged.PooledState!, (first.PooledState!, 0.7), (second.PooledState!, 0.3));
        Assert.Equal("0.7 * 'a' + 0.3 * 'b'", merged.Prompt);
        Assert.True(merged.IsMerged);
        Assert.False(first.IsMerged);
        Assert.Empty(merged.Tokens);

        // By the definition of the arc, for each kind of vector by itself.
        TextEmbedding arc = EmbeddingMerge.Merge(first, second, 0.3, InterpolationMode.Spherical);
        AssertArc(first.HiddenStates, second.HiddenStates, arc.HiddenStates);
        AssertArc(first.PooledState!, second.PooledState!, arc.PooledState!);

        static void AssertArc(Tensor first, Tensor second, Tensor arc)
        {
            double angle = Math.Acos(Dot(first, second) / Math.Sqrt(Dot(first, first) * Dot(second, second)));
            Assert.InRange(angle, 0.1, 3);
            AssertMean(arc, (first, Math.Sin(0.7 * angle) / Math.Sin(angle)), (second, Math.Sin(0.3 * angle) / Math.Sin(angle)));
        }

        static double Dot(Tensor left, Tensor right) => left.Values.Zip(right.Values, static (l, r) => (double)l * r).Sum();
    }

    [Fact]
    public void Several_have_a_weighted_mean()
    {
        TextEmbedding[] all = [Create("a", 1), Create("b", 2), Create("c", 3)];
        TextEmbedding merged = EmbeddingMerge.Merge(all, [1, 2, 5]);
        AssertMean(merged.HiddenStates, (all[0].HiddenStates, 0.125), (all[1].HiddenStates, 0.25), (all[2].HiddenStates, 0.625));
        Assert.Equal("0.125 * 'a' + 0.25 * 'b' + 0.625 * 'c'", merged.Prompt);
        Assert.Equal(EmbeddingMerge.Merge(all[0], all[1], 0.75).HiddenStates.Values, EmbeddingMerge.Merge(all[..2], [1, 3]).HiddenStates.Values);
        Assert.StartsWith("0.5 * (0.125 * 'a'", EmbeddingMerge.Merge(merged, all[0], 0.5).Prompt, StringComparison.Ordinal);
    }

    [Fact]
    public void The_shorter_one_is_lengthened_by_its_last_vector()
    {
        TextEmbedding shorter = Create("a", 1, tokens: 3), longer = Create("b", 2, tokens: 6);
        Assert.Equal([1, 6, 4], EmbeddingMerge.Merge(longer, shorter, 0.5).HiddenStates.Shape);
        Tensor start = EmbeddingMerge.Merge(shorter, longer, 0).HiddenStates;
        Assert.Equal(shorter.HiddenStates.Values, start.Values[..12]);
        for (int token = 3; token < 6; token++)
            Assert.Equal(shorter.HiddenStates.Values[8..], start.Values[(4 * token)..(4 * (token + 1))]);
        Assert.Equal(longer.HiddenStates.Values, EmbeddingMerge.Merge(shorter, longer, 1).HiddenStates.Values);
    }

    [Fact]
    public void The_record_has_all_with_their_parts_also_in_a_file()
    {
        TextEmbedding first = Create("a", 1), second = Create("b", 2);
        TextEmbedding merged = EmbeddingMerge.Merge(first, second, 0.1, InterpolationMode.Spherical);
        GenerationStage stage = Assert.Single(merged.Origin());
        Assert.Equal(StageOperation.MergeEmbeddings, stage.Operation);
        Assert.Equal([("Ratio", (object)0.1), ("Mode", "Spherical")], stage.Settings.Select(static setting => (setting.Key, setting.Value)));
        Assert.Equal([first.Origin(), second.Origin()], stage.Inputs["Embedding"]);
        Assert.Equal("MergeEmbeddings 0.9 * 'a' + 0.1 * 'b'", merged.Origin().ToString());
        Assert.Equal(merged.HiddenStates.Values, EmbeddingMerge.Repeat(stage, [first, second]).HiddenStates.Values);

        TextEmbedding read = TextEmbeddingFile.FromBytes(TextEmbeddingFile.ToBytes(merged));
        Assert.Equal(merged.HiddenStates.Values, read.HiddenStates.Values);
        Assert.Equal(merged.PooledState!.Values, read.PooledState!.Values);
        Assert.Equal(merged.Origin(), read.Origin());
        Assert.True(read.IsMerged);
        Assert.Equal(merged.Prompt, read.Prompt);

        // What a script changed before is not hidden by the merge.
        first.HiddenStates.Values[0] += 1;
        Assert.False(EmbeddingMerge.Merge(first, second, 0.5).Origin().IsKnown);
        Assert.True(EmbeddingMerge.Merge([second, second, second], [1, 1, 1]).Origin().IsKnown);
    }

    [Fact]
    public void What_does_not_belong_together_is_refused_by_name()
    {
        TextEmbedding first = Create("a", 1);
        Refuse<InvalidSettingException>("models: 'model' and 'other'", Create("b", 2, model: "other"));
        Refuse<InvalidSettingException>("models: 'model' (12) and 'model' (34)", Marked("34"), Marked("12"));
        Refuse<ShapeMismatchException>("[1,3,4]", Create("b", 2, width: 6));
        Refuse<ShapeMismatchException>("different shapes", Create("b", 2, pooled: 0));
        Refuse<InvalidSettingException>("LoRAs: none and ", Create("b", 2, options: new PromptOptions { Loras = ["style:0.5"] }));
        Refuse<InvalidSettingException>("ClipSkip 2", Create("b", 2, options: new PromptOptions { ClipSkip = 2 }));
        Refuse<InvalidSettingException>("syntaxes: Plain and A1111", Create("b", 2, options: new PromptOptions { Syntax = PromptSyntax.A1111 }));
        Refuse<InvalidSettingException>("emphasis", Create("b", 2, options: new PromptOptions { Emphasis = EmphasisMode.NoNorm }));
        Refuse<InvalidSettingException>("changes between steps", Create("[b:c:2]", 2, dynamicText: "[b:c:2]"));
        Refuse<InvalidSettingException>("weight as a whole", Create("b :0.5", 2, dynamicText: "b :0.5"));
        Assert.NotNull(EmbeddingMerge.Merge(first, Create("b ", 2, dynamicText: "b "), 0.5));
        Refuse<ShapeMismatchException>("no vectors", Create("b", 2, tokens: 0));
        TextEmbedding broken = Create("b", 2);
        broken.HiddenStates.Values[3] = float.NaN;
        Refuse<NotFiniteException>("'b'", broken);

        Assert.Equal("Ratio", Assert.Throws<InvalidSettingException>(() => EmbeddingMerge.Merge(first, first, double.NaN)).Setting);
        foreach (double[] weights in (double[][])[[1], [0, 0], [-1, 2], [double.NaN, 1], [double.PositiveInfinity, 1]])
            Assert.Equal("Weight", Assert.Throws<InvalidSettingException>(() => EmbeddingMerge.Merge([first, first], weights)).Setting);
        Assert.Equal("Embedding", Assert.Throws<InvalidSettingException>(() => EmbeddingMerge.Merge([first], [1])).Setting);

        void Refuse<T>(string part, TextEmbedding second, TextEmbedding? other = null)
            where T : DiffusionException => Assert.Contains(part, Assert.Throws<T>(() => EmbeddingMerge.Merge(other ?? first, second, 0.5)).Message, StringComparison.Ordinal);

        static TextEmbedding Marked(string hash)
        {
            TextEmbedding embedding = Create("b", 2);
            embedding.Maker = new ModelMark("model", hash);
            return embedding;
        }
    }

    private static void AssertMean(Tensor actual, params (Tensor Tensor, double Weight)[] terms)
    {
        for (int i = 0; i < actual.Length; i++)
            Assert.Equal(terms.Sum(term => term.Weight * term.Tensor.Values[i]), actual.Values[i], 1e-6);
    }

    private static TextEmbedding Create(string prompt, int seed, int tokens = 3, int width = 4, int pooled = 5, string model = "model", PromptOptions? options = null, string? dynamicText = null)
    {
        Random random = new(seed);
        TextEmbedding embedding = new(prompt, options ?? PromptOptions.Default, new TextVectors(Draw(1, tokens, width), pooled == 0 ? null : Draw(1, pooled)), [.. Enumerable.Range(0, tokens)], [], model) { DynamicText = dynamicText };
        embedding.Stages = new StageList().Append(StageOperation.EncodePrompt, StageList.Hash(embedding.Values), ("Prompt", prompt));
        return embedding;

        Tensor Draw(params int[] shape)
        {
            Tensor tensor = new(shape);
            foreach (ref float value in tensor.Span)
                value = (float)((random.NextDouble() * 4) - 2);
            return tensor;
        }
    }
}
