using System.Collections.ObjectModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace StableDiffusion.Settings;

/// <summary>Writes stages as JSON, and reads them with limits. What is not understood is an error of the whole record.</summary>
internal sealed class StageListConverter : JsonConverter<StageList>
{
    /// <inheritdoc/>
    public override StageList Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        int left = StageList.MostStages;
        try
        {
            return ReadList(JsonNode.Parse(ref reader) as JsonArray ?? throw Invalid(), ref left);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException)
        {
            // A name twice is an ArgumentException, half a surrogate pair an InvalidOperationException.
            throw new JsonException("The list of stages is damaged.", error);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, StageList value, JsonSerializerOptions options) => WriteList(value).WriteTo(writer, options);

    private static JsonArray WriteList(StageList list) => [.. list.Select(WriteStage)];

    private static JsonObject WriteStage(GenerationStage stage)
    {
        JsonObject json = new() { [nameof(stage.Operation)] = stage.Operation };
        if (stage.Settings.Count > 0)
            json[nameof(stage.Settings)] = new JsonObject(stage.Settings.Select(static setting => KeyValuePair.Create(setting.Key, WriteValue(setting.Value))));
        if (stage.Inputs.Count > 0)
            json[nameof(stage.Inputs)] = new JsonObject(stage.Inputs.Select(static input => KeyValuePair.Create(input.Key, (JsonNode?)new JsonArray([.. input.Value.Select(WriteList)]))));
        if (stage.Output is not null)
            json[nameof(stage.Output)] = stage.Output;
        if (stage.Made is StageMaker made)
            json[nameof(stage.Made)] = JsonSerializer.SerializeToNode(made);
        return json;
    }

    private static JsonNode? WriteValue(object value) => value switch
    {
        IEnumerable<string> texts => new JsonArray([.. texts.Select(static text => JsonValue.Create(text))]),
        IEnumerable<double> numbers => new JsonArray([.. numbers.Select(static number => JsonValue.Create(number))]),
        _ => JsonValue.Create(value),
    };

    private static StageList ReadList(JsonArray array, ref int left)
    {
        List<GenerationStage> stages = [];
        foreach (JsonNode? node in array)
            stages.Add(ReadStage(node as JsonObject ?? throw Invalid(), ref left));
        return new StageList(stages);
    }

    private static GenerationStage ReadStage(JsonObject json, ref int left)
    {
        if (--left < 0)
            throw Invalid();

        OrderedDictionary<string, object> settings = new(StringComparer.Ordinal);
        foreach ((string name, JsonNode? value) in json[nameof(GenerationStage.Settings)] as JsonObject ?? [])
            settings[name] = ReadValue(value);
        OrderedDictionary<string, IReadOnlyList<StageList>> inputs = new(StringComparer.Ordinal);
        foreach ((string name, JsonNode? lists) in json[nameof(GenerationStage.Inputs)] as JsonObject ?? [])
        {
            List<StageList> read = [];
            foreach (JsonNode? list in lists as JsonArray ?? throw Invalid())
                read.Add(ReadList(list as JsonArray ?? throw Invalid(), ref left));
            inputs[name] = read;
        }

        return new GenerationStage
        {
            Operation = json[nameof(GenerationStage.Operation)]?.GetValueKind() == JsonValueKind.String ? (string)json[nameof(GenerationStage.Operation)]! : throw Invalid(),
            Settings = new ReadOnlyDictionary<string, object>(settings),
            Inputs = new ReadOnlyDictionary<string, IReadOnlyList<StageList>>(inputs),
            Output = json[nameof(GenerationStage.Output)]?.GetValueKind() == JsonValueKind.String ? (string)json[nameof(GenerationStage.Output)]! : null,
            Made = json[nameof(GenerationStage.Made)]?.Deserialize<StageMaker>(),
        };
    }

    private static object ReadValue(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.String => (string)node!,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => ReadNumber(node),
        JsonValueKind.Array when node.AsArray().All(static item => item?.GetValueKind() == JsonValueKind.String) => node.AsArray().Select(static item => (string)item!).ToArray(),
        JsonValueKind.Array when node.AsArray().All(static item => item?.GetValueKind() == JsonValueKind.Number) => node.AsArray().Select(static item => ReadDouble(item!)).ToArray(),
        _ => throw Invalid(),
    };

    // Both would become a double if they were the two results of one expression, which holds no seed above 2^53.
    private static object ReadNumber(JsonNode node)
    {
        if (node.AsValue().TryGetValue(out long whole))
            return whole;
        return ReadDouble(node);
    }

    // A number beyond the range of a double is read as infinite.
    private static double ReadDouble(JsonNode node) => (double)node is var number && double.IsFinite(number) ? number : throw Invalid();

    private static JsonException Invalid() => new("The list of stages is damaged.");
}
