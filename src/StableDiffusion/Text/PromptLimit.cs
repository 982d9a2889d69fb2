using StableDiffusion.Storage;

namespace StableDiffusion.Text;

/// <summary>
/// The limit on the length of prompts. Each 75 tokens of a prompt are a chunk, which the text encoder and every step of the
/// denoising go through.
/// </summary>
internal static class PromptLimit
{
    /// <summary>The number of characters; the longest prompts that people write have a few thousand.</summary>
    public static Limit Length { get; } = new("STABLEDIFFUSION_MAX_PROMPT_LENGTH", 100_000);

    /// <summary>The number of prompts that are joined by AND, each of which every step denoises with; people join two or three.</summary>
    public static Limit Parts { get; } = new("STABLEDIFFUSION_MAX_PROMPT_PARTS", 100);

    // A chunk of ordinary words has about 300 characters.
    private const int CharactersPerChunk = 250;

    /// <summary>How many times as many chunks the texts of all steps may have together.</summary>
    private const int StepFactor = 10;

    /// <summary>Throws for a prompt that is too long, before anything else is done with it.</summary>
    /// <param name="setting">The setting that it is.</param>
    /// <param name="prompt">The prompt; may be null.</param>
    /// <exception cref="InvalidSettingException">It is too long.</exception>
    public static void Check(string setting, string? prompt)
    {
        if (prompt?.Length > Length.Value)
            throw new InvalidSettingException(setting, $"{setting} has {prompt.Length} characters, more than the limit of {Length.Value}. Shorten it, or set the environment variable {Length.Variable} to a higher limit.");
    }

    /// <summary>Throws for too many prompts that are joined by AND.</summary>
    /// <param name="count">Their number.</param>
    /// <exception cref="InvalidSettingException">There are too many.</exception>
    public static void CheckParts(int count)
    {
        if (count > Parts.Value)
            throw new InvalidSettingException("Prompt", $"The prompt joins {count} prompts by AND, more than the limit of {Parts.Value}. Use fewer, or set the environment variable {Parts.Variable} to a higher limit.");
    }

    /// <summary>Counts a text of one step and one part of a prompt, and throws if the texts are too long together, before all of them are made.</summary>
    /// <param name="characters">The number of characters of those before; a text counts as one chunk or more.</param>
    /// <param name="length">The number of characters of the text.</param>
    /// <returns>The number with this text.</returns>
    /// <exception cref="InvalidSettingException">They are too long.</exception>
    public static long Count(long characters, int length)
    {
        long limit = Math.Min(Length.Value, long.MaxValue / StepFactor) * StepFactor;
        characters += Math.Max(length, CharactersPerChunk);
        return characters <= limit
            ? characters
            : throw new InvalidSettingException("Prompt", $"The texts of all steps have more characters together than the limit of {limit} (each counts {CharactersPerChunk} or more). Shorten the prompt, use fewer steps, AND or alternations, or set the environment variable {Length.Variable} to a higher limit.");
    }

    /// <summary>Throws for prompts with too many chunks.</summary>
    /// <param name="chunks">The number of chunks of each text, one for each step of a schedule.</param>
    /// <exception cref="InvalidSettingException">There are too many.</exception>
    public static void CheckChunks(IReadOnlyCollection<int> chunks)
    {
        long limit = Math.Max(Length.Value / CharactersPerChunk, 1);
        if (chunks.Max() > limit || (long)chunks.Max() * chunks.Count > limit * StepFactor)
            throw new InvalidSettingException("Prompt", $"The prompt has {chunks.Max()} chunks of 75 tokens in each of {chunks.Count} texts, more than the limit of {limit} in one text and {limit * StepFactor} in all. Shorten it, use fewer BREAK, AND or alternations, or set the environment variable {Length.Variable} to a higher limit.");
    }
}
