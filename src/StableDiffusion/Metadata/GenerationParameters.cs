namespace StableDiffusion.Metadata;

/// <summary>What an infotext consists of: two prompts, and settings as text.</summary>
internal sealed class GenerationParameters
{
    /// <summary>Puts the parts together.</summary>
    /// <param name="prompt">The text of what to show.</param>
    /// <param name="negativePrompt">The text of what not to show.</param>
    /// <param name="settings">The settings; of those with the same name the last one counts, in the first one's place.</param>
    public GenerationParameters(string prompt, string negativePrompt, IEnumerable<KeyValuePair<string, string>> settings)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(negativePrompt);
        ArgumentNullException.ThrowIfNull(settings);

        Prompt = prompt;
        NegativePrompt = negativePrompt;
        OrderedDictionary<string, string> ordered = new(StringComparer.Ordinal);
        foreach ((string name, string value) in settings)
            ordered[name] = value;
        Settings = ordered;
    }

    /// <summary>The text of what to show; may be empty.</summary>
    public string Prompt { get; }

    /// <summary>The text of what not to show; may be empty.</summary>
    public string NegativePrompt { get; }

    /// <summary>
    /// The settings in order, names in exact case. A size is two of them, as A1111 has it: <c>Size-1</c> is the width
    /// and <c>Size-2</c> the height.
    /// </summary>
    public IReadOnlyDictionary<string, string> Settings { get; }
}
