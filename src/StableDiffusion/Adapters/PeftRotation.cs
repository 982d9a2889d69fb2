using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Adapters;

/// <summary>How the values of PEFT's OFT become rotations, which the file of its config says and the file of the values does not.</summary>
/// <param name="IsShared">Whether all blocks of a layer have the same rotation.</param>
/// <param name="Terms">The number of terms of the Neumann series in place of the inverse, 1 or more; null for the inverse itself.</param>
/// <remarks>Source: PEFT 0.18, tuners/oft/config.py and layer.py.</remarks>
internal sealed record PeftRotation(bool IsShared, int? Terms)
{
    /// <summary>The name of the config, in the folder of the adapter.</summary>
    public const string FileName = "adapter_config.json";

    private const int MostTerms = 100;

    // From this version on, the last term of the series has half of the others' weight.
    private static readonly Version s_seriesVersion = new(0, 18);

    /// <summary>Reads the config beside an adapter.</summary>
    /// <param name="adapter">The path of the adapter's file.</param>
    /// <exception cref="AdapterInvalidException">There is none, it is damaged, or it asks for what is not supported.</exception>
    public static PeftRotation ReadBeside(string adapter)
    {
        string path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(adapter))!, FileName);
        try
        {
            return Parse(ModelJson.ReadBytes(path, ModelJson.MaxLength), $"'{path}'");
        }
        catch (ModelNotFoundException error)
        {
            throw new AdapterInvalidException($"'{adapter}' is an adapter of PEFT's OFT, and there is no '{path}', which says how its rotations are computed. Put that file beside it.", error);
        }
        catch (Exception error) when (error is AdapterInvalidException or ModelInvalidException)
        {
            throw new AdapterInvalidException($"'{adapter}' is an adapter of PEFT's OFT that cannot be used: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>Reads a config.</summary>
    /// <param name="json">The file.</param>
    /// <param name="source">Its source, for messages.</param>
    /// <exception cref="ModelInvalidException">It is not a JSON object.</exception>
    /// <exception cref="AdapterInvalidException">A value is missing, or is not supported.</exception>
    public static PeftRotation Parse(ReadOnlyMemory<byte> json, string source)
    {
        JsonElement config = ModelJson.ParseObject(json, source);
        if (!config.TryGetProperty("peft_type", out JsonElement type) || type.ValueKind != JsonValueKind.String || type.GetString() != "OFT")
            throw new AdapterInvalidException($"{source} is not a config of OFT: its peft_type must be \"OFT\". Get both files again.");
        if (Flag("coft") == true)
            throw new AdapterInvalidException($"{source} has coft, rotations whose size is limited, which is not supported. Train without it, or merge the adapter into the model with PEFT.");
        if (Flag("use_cayley_neumann") is not bool isSeries)
            throw new AdapterInvalidException($"{source} is from an old version of PEFT: it has no use_cayley_neumann, which says how rotations are computed. Train again with a newer PEFT.");
        return new PeftRotation(Flag("block_share") ?? false, isSeries ? TermsOf() : null);

        bool? Flag(string name) => !config.TryGetProperty(name, out JsonElement value) ? null : value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw new AdapterInvalidException($"{source} has {name}: {ModelJson.Describe(value)}, which must be true or false. Get the file again."),
        };

        int TermsOf()
        {
            bool hasVersion = config.TryGetProperty("peft_version", out JsonElement version) && version.ValueKind == JsonValueKind.String;
            if (!hasVersion || !IsRecent(version.GetString()!))
                throw new AdapterInvalidException($"{source} is from a PEFT before 0.18, whose use_cayley_neumann is another series. Train again with a newer PEFT.");
            return config.TryGetProperty("num_cayley_neumann_terms", out JsonElement terms) && terms.ValueKind == JsonValueKind.Number && terms.TryGetInt32(out int count) && count is >= 1 and <= MostTerms
                ? count
                : throw new AdapterInvalidException($"{source} must have num_cayley_neumann_terms, a whole number from 1 to {MostTerms}. Get the file again.");
        }
    }

    // Such as 0.18.1, 0.19.0.dev0 or 0.18.0@abc.
    private static bool IsRecent(string version)
    {
        string[] numbers = version.Split('.', 3);
        return numbers.Length >= 2 && int.TryParse(numbers[0], out int major) && int.TryParse(numbers[1], out int minor) && major >= 0 && minor >= 0 && new Version(major, minor) >= s_seriesVersion;
    }
}
