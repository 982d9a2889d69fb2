using System.Text.Json;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests;

/// <summary>What diffusers and transformers computed with the demo model: <c>tests/data/demo</c>.</summary>
internal static class DemoReference
{
    private static readonly Lazy<JsonElement> s_root = new(Load);

    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("demo", "demo.safetensors")));

    /// <summary>The cases of one kind, in the order of the file.</summary>
    public static IReadOnlyList<JsonElement> Cases(string kind) =>
        [.. s_root.Value.GetProperty("cases").EnumerateArray().Where(item => item.GetProperty("kind").GetString() == kind)];

    /// <summary>A tensor that a case names.</summary>
    public static Tensor Read(JsonElement item, string key) => s_tensors.Value.Read(item.GetProperty(key).GetString()!);

    /// <summary>The embedding of a prompt, as the reference has it.</summary>
    public static Tensor Embedding(string prompt) =>
        Read(Cases("text").Single(item => item.GetProperty("prompt").GetString() == prompt), "last_hidden_state");

    /// <summary>The path of an image.</summary>
    public static string Image(string name) => Repository.Data(["demo", .. name.Split('/')]);

    /// <summary>The class and the options of one of the schedulers that the cases name.</summary>
    public static (string ClassName, IReadOnlyDictionary<string, object?> Options) Scheduler(string name)
    {
        JsonElement scheduler = s_root.Value.GetProperty("schedulers").GetProperty(name);
        string className = scheduler.GetProperty("class_name").GetString()!;
        return (className, SchedulerOptions(className, scheduler.GetProperty("config")));
    }

    /// <summary>The options of a scheduler in a config of diffusers.</summary>
    public static IReadOnlyDictionary<string, object?> SchedulerOptions(string className, JsonElement config)
    {
        // diffusers writes keys of flow matching models into every config; they are off in all cases here.
        HashSet<string> known = [.. SchedulerCatalog.Find(className).Options.Select(option => option.Name)];
        Dictionary<string, object?> options = [];
        foreach (JsonProperty property in config.EnumerateObject())
        {
            object? value = property.Value.ValueKind switch
            {
                JsonValueKind.True => true,
                JsonValueKind.False => false,
                JsonValueKind.String => property.Value.GetString(),
                JsonValueKind.Number => property.Value.GetDouble(),
                _ => null,
            };
            if (value is not null && known.Contains(property.Name))
                options.Add(property.Name, value);
        }

        return options;
    }

    private static JsonElement Load()
    {
        // Python writes infinity as a bare word, which JSON does not have; no option that is checked here needs it.
        string text = File.ReadAllText(Repository.Data("demo", "demo.json")).Replace("-Infinity", "null", StringComparison.Ordinal);
        return JsonDocument.Parse(text).RootElement;
    }
}
