using StableDiffusion.Adapters;
using StableDiffusion.Library;
using StableDiffusion.Prompts;
using StableDiffusion.Text;

namespace SdPowerShell.Parameters;

/// <summary>Settings that are adapters: names in the store, or paths of files.</summary>
internal static class AdapterSetting
{
    /// <summary>The LoRAs of a parameter and of a prompt's tags. Where both name a file, the parameter takes precedence.</summary>
    /// <param name="cmdlet">The cmdlet that was given them.</param>
    /// <param name="parameter">The parameter's values; empty ones are ignored.</param>
    /// <param name="prompt">The prompt; null if it is not read for tags.</param>
    /// <param name="syntax">The prompt's syntax; only A1111's has tags.</param>
    public static AdapterSet ReadLoras(RecordCmdlet cmdlet, IEnumerable<string?>? parameter, string? prompt = null, PromptSyntax syntax = PromptSyntax.Plain)
    {
        List<Lora> loras = [.. LoraText.Join(Given(parameter)).Select(text => Lora.Parse(text, Finder(cmdlet, nameof(cmdlet.Lora), ModelLibrary.Default.FindLora, ModelLibrary.Default.FindLoraByName)))];
        HashSet<string> given = [.. loras.Select(lora => lora.Path)];
        if (syntax == PromptSyntax.A1111 && prompt is not null)
        {
            loras.AddRange(ExtraNetworks.Find(prompt)
                .Where(tag => tag.IsLora)
                .Select(tag => ModelLibrary.Default.FindLoraByName(tag.Name, cmdlet.CancellationToken) with { Strength = tag.UNetStrength, TextEncoderStrength = tag.TextEncoderStrength, BlockWeights = tag.BlockWeights is string blocks ? BlockWeights.Parse(blocks) : null })
                .Where(lora => !given.Contains(lora.Path)));
        }

        return AdapterSet.Create(loras);
    }

    /// <summary>The LoRAs of an embedding: names in the store, or full paths.</summary>
    /// <param name="cmdlet">The cmdlet that was given it.</param>
    /// <param name="embedding">The embedding, which may come from a file.</param>
    public static AdapterSet ReadLoras(RecordCmdlet cmdlet, TextEmbedding embedding) => AdapterSet.Create(
        [.. embedding.Lora.Select(text => Lora.Parse(text, name => Path.IsPathFullyQualified(name) && !cmdlet.NamesOnly ? ModelLibrary.Default.FindLora(name, cmdlet.CancellationToken) : ModelLibrary.Default.FindLoraByName(name, cmdlet.CancellationToken)))]);

    /// <summary>Reads the embeddings named by a parameter.</summary>
    /// <param name="cmdlet">The cmdlet that was given them.</param>
    /// <param name="parameter">The names or paths; empty ones are ignored.</param>
    public static IReadOnlyList<TextualInversion> ReadTextualInversions(RecordCmdlet cmdlet, IEnumerable<string?>? parameter)
    {
        TextualInversion[] words = [.. Given(parameter).Select(name => Finder(cmdlet, nameof(TextualInversion), ModelLibrary.Default.LoadEmbedding, ModelLibrary.Default.LoadEmbeddingByName)(name))];
        foreach (TextualInversion word in words)
            cmdlet.WarnOfOthers("embedding", word.Path, ModelLibrary.Default.Embeddings);
        return words;
    }

    private static Func<string, T> Finder<T>(RecordCmdlet cmdlet, string parameter, Func<string, CancellationToken, T> find, Func<string, CancellationToken, T> findName) =>
        name => cmdlet.TakesNamesOnly(parameter, name) ? findName(name, cmdlet.CancellationToken) : Resolve(cmdlet, name, find);

    private static IEnumerable<string> Given(IEnumerable<string?>? texts) => (texts ?? []).Where(text => !string.IsNullOrWhiteSpace(text)).Select(text => text!.Trim());

    /// <summary>Finds an adapter that is given as a path, a file in the current location, or a name in the store.</summary>
    private static T Resolve<T>(RecordCmdlet cmdlet, string name, Func<string, CancellationToken, T> find)
    {
        if (name.AsSpan().IndexOfAny('/', '\\') >= 0)
            return find(PathHelper.ResolveOutput(cmdlet, name), cmdlet.CancellationToken);
        return find(PathHelper.FindExisting(cmdlet, name) is string path && File.Exists(path) ? path : name, cmdlet.CancellationToken);
    }
}
