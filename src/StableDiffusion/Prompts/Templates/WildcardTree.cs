using System.Globalization;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace StableDiffusion.Prompts.Templates;

/// <summary>Reads the lists of a YAML or JSON file: keys are parts of the name, and only lists and texts are values.</summary>
internal static class WildcardTree
{
    private const int DeepestKeys = 32;

    private static readonly string[] s_textKeys = ["text", "content"];

    /// <summary>Reads a JSON file.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="name">The name of a list without keys: that of the file.</param>
    /// <param name="folder">The folder of the file as a part of the name; empty at the top.</param>
    /// <exception cref="JsonException">It is not JSON, or is nested too deeply.</exception>
    public static IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)> OfJson(string text, string name, string folder)
    {
        using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = DeepestKeys, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        return [.. Lists(OfJson(document.RootElement), name, folder)];
    }

    /// <summary>Reads a YAML file.</summary>
    /// <inheritdoc cref="OfJson(string, string, string)"/>
    /// <exception cref="YamlException">It is not YAML.</exception>
    /// <exception cref="FormatException">It is nested too deeply, or uses aliases.</exception>
    public static IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)> OfYaml(string text, string name, string folder)
    {
        using StringReader reader = new(text);
        Parser parser = new(reader);
        parser.Consume<StreamStart>();
        if (parser.Accept<StreamEnd>(out _))
            return [];
        parser.Consume<DocumentStart>();
        return [.. Lists(OfYaml(parser, 0), name, folder)];
    }

    // A node is a text, a list of nodes, or named nodes; null is anything else.
    private static object? OfJson(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Number => element.GetRawText(),
        JsonValueKind.Array => element.EnumerateArray().Select(OfJson).ToList(),
        JsonValueKind.Object => element.EnumerateObject().Select(static property => KeyValuePair.Create(property.Name, OfJson(property.Value))).ToList(),
        _ => null,
    };

    private static object? OfYaml(Parser parser, int depth)
    {
        // An alias repeats what it names; a few lines can stand for more values than fit into memory.
        if (depth > DeepestKeys || parser.Accept<AnchorAlias>(out _))
            throw new FormatException(depth > DeepestKeys ? $"It is nested more than {DeepestKeys} levels deep." : "It uses an alias (*), which is not supported.");
        if (parser.Accept<Scalar>(out _))
            return parser.Consume<Scalar>().Value is { Length: > 0 } text ? text : null;
        if (parser.TryConsume<SequenceStart>(out _))
        {
            List<object?> items = [];
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(OfYaml(parser, depth + 1));
            return items;
        }

        parser.Consume<MappingStart>();
        List<KeyValuePair<string, object?>> pairs = [];
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            string? key = OfYaml(parser, depth + 1) as string;
            object? value = OfYaml(parser, depth + 1);
            if (key is not null)
                pairs.Add(KeyValuePair.Create(key, value));
        }

        return pairs;
    }

    private static IEnumerable<(string Name, IReadOnlyList<WildcardValue> Values)> Lists(object? node, string name, string prefix)
    {
        switch (node)
        {
            case List<KeyValuePair<string, object?>> pairs:
                foreach ((string key, object? value) in pairs)
                {
                    string inner = prefix.Length == 0 ? key : $"{prefix}/{key}";
                    foreach ((string, IReadOnlyList<WildcardValue>) list in Lists(value is string text && !IsNumber(text) ? new List<object?> { text } : value, inner, inner))
                        yield return list;
                }

                break;
            case List<object?> items when items.Select(Value).OfType<WildcardValue>().ToList() is { Count: > 0 } values:
                yield return (name, values);
                break;
            default:
                break;
        }
    }

    // "3::red", or a text beside its weight.
    private static WildcardValue? Value(object? item)
    {
        if (item is string text)
        {
            int mark = char.IsAsciiDigit(text.FirstOrDefault()) ? text.LastIndexOf("::", StringComparison.Ordinal) : -1;
            return mark > 0 && Weight(text[..mark]) is double weight ? new WildcardValue(text[(mark + 2)..], weight) : Whole(text, 1);
        }

        return item is List<KeyValuePair<string, object?>> pairs && Array.Find(s_textKeys, key => Find(pairs, key) is not null) is string found
            ? Whole(Find(pairs, found)!, Find(pairs, "weight") is string given && Weight(given) is double own ? own : 1)
            : null;
    }

    private static bool IsNumber(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static string? Find(List<KeyValuePair<string, object?>> pairs, string key) => pairs.Find(pair => pair.Key == key).Value as string;

    private static WildcardValue? Whole(string text, double weight) => text.Trim().Length > 0 ? new WildcardValue(text, weight) : null;

    private static double? Weight(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double weight) && double.IsFinite(weight) ? weight : null;
}
