namespace StableDiffusion.Metadata;

/// <summary>The parts of an infotext: two prompts, and settings as text.</summary>
internal sealed class GenerationParameters
{
    /// <summary>Initializes the parts.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="negativePrompt">The negative prompt.</param>
    /// <param name="settings">The settings. If a name occurs more than once, the last value is used, in the position of the first.</param>
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

    /// <summary>The prompt; may be empty.</summary>
    public string Prompt { get; }

    /// <summary>The negative prompt; may be empty.</summary>
    public string NegativePrompt { get; }

    /// <summary>
    /// The settings in order; names are case-sensitive. As in A1111, a size is two settings: <c>Size-1</c> is the width
    /// and <c>Size-2</c> the height.
    /// </summary>
    public IReadOnlyDictionary<string, string> Settings { get; }
}
