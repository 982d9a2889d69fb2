using StableDiffusion.Denoising;
using StableDiffusion.Prompts;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>Resolves prompts that change between steps, or that are combined with <c>AND</c>, for the number of steps of a run.</summary>
internal static class PromptConditioning
{
    /// <summary>The conditioning of a prompt.</summary>
    /// <param name="encode">Encodes the texts of a prompt that depends on the number of steps, all together.</param>
    /// <param name="embedding">The prompt's embedding.</param>
    /// <param name="steps">The run's number of steps.</param>
    public static Conditioning OfPrompt(Func<IReadOnlyList<string>, PromptOptions, IReadOnlyList<TextVectors>> encode, TextEmbedding embedding, int steps)
    {
        if (embedding.DynamicText is not string text)
            return Conditioning.Of(embedding.Vectors);

        IReadOnlyList<CompositePart> parts = CompositePrompt.Parse(text);
        PromptLimit.CheckParts(parts.Count);
        long characters = 0;
        return Alike(parts.Select(part => new ConditioningPart(part.Weight, Schedule(encode, part.Text, embedding.Options, steps, Judge))));

        void Judge(int length) => characters = PromptLimit.Count(characters, length);
    }

    /// <summary>The conditioning of a negative prompt; A1111 does not split it at <c>AND</c>.</summary>
    /// <inheritdoc cref="OfPrompt"/>
    public static Conditioning OfNegativePrompt(Func<IReadOnlyList<string>, PromptOptions, IReadOnlyList<TextVectors>> encode, TextEmbedding embedding, int steps)
    {
        if (embedding.DynamicText is not string text)
            return Conditioning.Of(embedding.Vectors);

        long characters = 0;
        return new Conditioning([new ConditioningPart(1, Schedule(encode, text, embedding.Options, steps, Judge))]);

        void Judge(int length) => characters = PromptLimit.Count(characters, length);
    }

    /// <summary>Finds where the tokens of a prompt's texts are in their embeddings.</summary>
    /// <param name="encoder">Opens the text encoder.</param>
    /// <param name="embedding">The prompt's embedding.</param>
    /// <param name="conditioning">What <see cref="OfPrompt"/> returned for it.</param>
    /// <param name="steps">The run's number of steps.</param>
    public static IReadOnlyDictionary<TextVectors, PlacedText> Place(TextEncoder encoder, TextEmbedding embedding, Conditioning conditioning, int steps)
    {
        Dictionary<TextVectors, PlacedText> places = new(ReferenceEqualityComparer.Instance);
        if (embedding.DynamicText is not string text)
        {
            places.Add(embedding.Vectors, encoder.Place(embedding.WeightedTokens, embedding.Options));
            return places;
        }

        foreach ((CompositePart part, ConditioningPart resolved) in CompositePrompt.Parse(text).Zip(conditioning.Parts))
        {
            foreach ((ScheduledText scheduled, (_, TextVectors vectors)) in PromptSchedule.Parse(part.Text, steps).Zip(resolved.Schedule))
                places[vectors] = encoder.Place(scheduled.Text, embedding.Options);
        }

        return places;
    }

    private static List<(int UntilStep, TextVectors Embedding)> Schedule(Func<IReadOnlyList<string>, PromptOptions, IReadOnlyList<TextVectors>> encode, string text, PromptOptions options, int steps, Action<int> judge)
    {
        IReadOnlyList<ScheduledText> schedule = PromptSchedule.Parse(text, steps, judge: judge);
        IReadOnlyList<TextVectors> embeddings = encode([.. schedule.Select(entry => entry.Text)], options);
        return [.. schedule.Select((entry, index) => (entry.UntilStep, embeddings[index]))];
    }

    /// <summary>Extends all parts to the longest: A1111 repeats the last vector.</summary>
    private static Conditioning Alike(IEnumerable<ConditioningPart> parts)
    {
        ConditioningPart[] all = [.. parts];
        int tokens = all.SelectMany(part => part.Schedule).Max(entry => entry.Embedding.HiddenStates.Shape[1]);
        return new Conditioning([.. all.Select(part => part with { Schedule = [.. part.Schedule.Select(entry => (entry.UntilStep, entry.Embedding.Lengthen(tokens)))] })]);
    }
}
