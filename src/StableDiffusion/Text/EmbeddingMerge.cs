using StableDiffusion.Noise;
using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Merging;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// Merges embeddings of prompts into one, so that a denoising goes between what the prompts say. Token by token, whatever the tokens
/// mean; the shorter ones are lengthened by their last vector, as prompts that are joined by AND. Pooled vectors are merged in the
/// same way, by themselves.
/// </summary>
public static class EmbeddingMerge
{
    private const string Setting = "Embedding";

    /// <summary>Merges two embeddings.</summary>
    /// <param name="first">The embedding for a ratio of 0.</param>
    /// <param name="second">The embedding for a ratio of 1.</param>
    /// <param name="ratio">The part of the second one, 0 to 1.</param>
    /// <param name="mode">Linear, or spherical with all vectors of an embedding together.</param>
    /// <returns>The new embedding, which has no tokens. Its record says what was merged.</returns>
    /// <exception cref="InvalidSettingException">The ratio is out of range, or the embeddings are of different models, LoRAs or settings, or of prompts that change between steps.</exception>
    /// <exception cref="ShapeMismatchException">The vectors of the embeddings have different widths.</exception>
    /// <exception cref="NotFiniteException">A value is NaN, infinite, or far beyond those of models.</exception>
    public static TextEmbedding Merge(TextEmbedding first, TextEmbedding second, double ratio, InterpolationMode mode = InterpolationMode.Linear)
    {
        Settings.Setting.CheckRange(MergeStage.RatioSetting, ratio, 0, 1);
        TextVectors[] vectors = Align([first, second]);
        TextVectors merged = Each(vectors, tensors => new Tensor(Interpolation.Between(tensors[0].Span, tensors[1].Span, ratio, mode), [.. tensors[0].Shape]));
        return Create([first, second], [1 - ratio, ratio], merged, output => MergeStage.Of(StageOperation.MergeEmbeddings, first.Origin(), second.Origin(), ratio, mode, output));
    }

    /// <summary>Merges two embeddings or more: their weighted mean.</summary>
    /// <param name="embeddings">The embeddings.</param>
    /// <param name="weights">The weight of each, 0 or more; they are divided by their sum.</param>
    /// <returns>The new embedding, which has no tokens. Its record says what was merged.</returns>
    /// <exception cref="InvalidSettingException">There are fewer than two embeddings, or not as many weights, or the weights are not usable; or as for two.</exception>
    /// <inheritdoc cref="Merge(TextEmbedding, TextEmbedding, double, InterpolationMode)"/>
    public static TextEmbedding Merge(IReadOnlyList<TextEmbedding> embeddings, IReadOnlyList<double> weights)
    {
        ArgumentNullException.ThrowIfNull(embeddings);
        ArgumentNullException.ThrowIfNull(weights);
        if (embeddings.Count < 2)
            throw new InvalidSettingException(Setting, "There is nothing to merge. Give two embeddings or more.");
        if (weights.Count != embeddings.Count)
            throw new InvalidSettingException(MergeStage.WeightSetting, $"There are {embeddings.Count} embeddings, but the number of weights is {weights.Count}. Give a weight for each.");
        if (!MergeStage.IsUsable(weights))
            throw new InvalidSettingException(MergeStage.WeightSetting, "A weight is below 0, or is not a number, or all weights are 0. Give numbers of 0 or more, and one above it.");
        if (embeddings.Count == 2)
            return Merge(embeddings[0], embeddings[1], weights[1] / (weights[0] + weights[1]));

        double sum = weights.Sum();
        TextVectors merged = Each(Align(embeddings), tensors => Mean(tensors, weights, sum));
        return Create(embeddings, weights, merged, output => MergeStage.Of(StageOperation.MergeEmbeddings, [.. embeddings.Select(static embedding => embedding.Origin())], weights, output));
    }

    /// <summary>Repeats a recorded merge.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="embeddings">Its inputs.</param>
    internal static TextEmbedding Repeat(GenerationStage stage, IReadOnlyList<TextEmbedding> embeddings)
    {
        (double ratio, InterpolationMode mode, IReadOnlyList<double>? weights) = MergeStage.Read(stage);
        return weights is null ? Merge(embeddings[0], embeddings[1], ratio, mode) : Merge(embeddings, weights);
    }

    private static TextEmbedding Create(IReadOnlyList<TextEmbedding> embeddings, IReadOnlyList<double> weights, TextVectors vectors, Func<string, StageList> record)
    {
        TextEmbedding first = embeddings[0];
        string prompt = MergeStage.InWords([.. weights], embeddings.Select(static embedding => embedding.IsMerged ? $"({embedding.Prompt})" : $"'{embedding.Prompt}'"));
        PromptLimit.Check(nameof(TextEmbedding.Prompt), prompt);
        PromptOptions options = first.Options with { TextualInversions = [.. embeddings.SelectMany(static embedding => embedding.Options.TextualInversions).DistinctBy(static word => (word.Name, word.Hash))] };
        TextEmbedding merged = new(prompt, options, vectors, tokenIds: [], tokens: [], first.Model)
        {
            Maker = first.Maker ?? embeddings.Select(static embedding => embedding.Maker).FirstOrDefault(static maker => maker is not null),
            LostText = string.Join(' ', embeddings.Select(static embedding => embedding.LostText).Where(static text => text.Length > 0).Distinct()),
            Warnings = [.. embeddings.SelectMany(static embedding => embedding.Warnings).Distinct()],
        };
        merged.Stages = record(StageList.Hash(merged.Values));
        return merged;
    }

    /// <summary>The vectors of embeddings that can be merged, all of the same shapes.</summary>
    private static TextVectors[] Align(IReadOnlyList<TextEmbedding> embeddings)
    {
        foreach (TextEmbedding embedding in embeddings)
        {
            ArgumentNullException.ThrowIfNull(embedding, nameof(embeddings));
            if (embedding.DynamicText is string text && !DynamicPrompt.HasOneText(text))
                throw new InvalidSettingException(Setting, $"The prompt '{embedding.Prompt}' changes between steps, joins prompts by AND or has a weight as a whole, so that its vectors are only made for a run. Merge the embeddings of its parts.");
            if (embedding.HiddenStates.Length == 0)
                throw new ShapeMismatchException($"The embedding of '{embedding.Prompt}' has no vectors: its shape is {embedding.HiddenStates}. Encode the prompt again.");
            embedding.CheckFinite();
            CheckAlike(embeddings[0], embedding);
        }

        int tokens = embeddings.Max(static embedding => embedding.HiddenStates.Shape[1]);
        return [.. embeddings.Select(embedding => embedding.Vectors.Lengthen(tokens))];
    }

    private static void CheckAlike(TextEmbedding first, TextEmbedding other)
    {
        bool isOther = first.Maker?.Hash is string hash && other.Maker?.Hash is string otherHash ? hash != otherHash : first.Model != other.Model;
        if (isOther)
            throw Different("models", ModelMark.InWords(first.Model, first.Maker), ModelMark.InWords(other.Model, other.Maker), "Encode both prompts with one model.");
        if (first.HiddenStates.Shape[2] != other.HiddenStates.Shape[2] || first.PooledState?.Length != other.PooledState?.Length)
            throw new ShapeMismatchException($"The embeddings of '{first.Prompt}' and '{other.Prompt}' have different shapes: {Shape(first)} and {Shape(other)}. Encode both prompts with one model.");
        if (!first.Lora.SequenceEqual(other.Lora))
            throw Different("LoRAs", TextList.Write(first.Lora) ?? "none", TextList.Write(other.Lora) ?? "none", "The U-Net can have the LoRAs of one alone. Encode both prompts with the same ones.");
        if (first.ClipSkip != other.ClipSkip)
            throw Different("layers of the text encoder", $"ClipSkip {first.ClipSkip}", $"ClipSkip {other.ClipSkip}", "Encode both prompts with the same ClipSkip.");
        if (first.PromptSyntax != other.PromptSyntax)
            throw Different("syntaxes", $"{first.PromptSyntax}", $"{other.PromptSyntax}", "Encode both prompts with the same PromptSyntax.");
        if (first.Emphasis != other.Emphasis)
            throw Different("kinds of emphasis", $"{first.Emphasis}", $"{other.Emphasis}", "Encode both prompts with the same Emphasis.");

        InvalidSettingException Different(string what, string ofFirst, string ofOther, string advice) =>
            new(Setting, $"The embeddings of '{first.Prompt}' and '{other.Prompt}' are of different {what}: {ofFirst} and {ofOther}. {advice}");

        static string Shape(TextEmbedding embedding) => $"{embedding.HiddenStates}{(embedding.PooledState is null ? string.Empty : $" with {embedding.PooledState}")}";
    }

    private static TextVectors Each(TextVectors[] vectors, Func<Tensor[], Tensor> merge) => new(
        merge([.. vectors.Select(static one => one.HiddenStates)]),
        vectors[0].PooledState is null ? null : merge([.. vectors.Select(static one => one.PooledState!)]));

    private static Tensor Mean(Tensor[] tensors, IReadOnlyList<double> weights, double sum)
    {
        Tensor mean = new([.. tensors[0].Shape]);
        for (int i = 0; i < mean.Length; i++)
        {
            double total = 0;
            for (int j = 0; j < tensors.Length; j++)
                total += weights[j] * tensors[j].Values[i];
            mean.Values[i] = (float)(total / sum);
        }

        return mean;
    }
}
