using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Changes of JSON that leave it JSON, or leave it just not.</summary>
internal static class JsonMutations
{
    private const string Placeholder = "@@hostile@@";

    private static readonly JsonDocumentOptions s_lenient = new() { MaxDepth = 512 };
    private static readonly JsonSerializerOptions s_deep = new() { MaxDepth = 1024 };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Mutation> All { get; } = [Replace, Replace, Replace, Rename, Remove, Add, Borrow];

    /// <summary>Replaces a value by a hostile one.</summary>
    public static byte[] Replace(byte[] json, Random random) => Edit(json, random, (nodes, _) =>
    {
        (JsonNode parent, string? name, int index) = nodes[random.Next(nodes.Count)];
        Set(parent, name, index, Placeholder);
        return Hostile.Json(random);
    });

    private static byte[] Rename(byte[] json, Random random) => Edit(json, random, (nodes, _) =>
    {
        (JsonNode parent, string? name, int index) = nodes[random.Next(nodes.Count)];
        if (parent is JsonObject dictionary && name is not null)
        {
            JsonNode? value = dictionary[name];
            dictionary.Remove(name);
            dictionary[Hostile.Texts[random.Next(Hostile.Texts.Count)]] = value;
        }

        return null;
    });

    private static byte[] Remove(byte[] json, Random random) => Edit(json, random, (nodes, _) =>
    {
        (JsonNode parent, string? name, int index) = nodes[random.Next(nodes.Count)];
        if (parent is JsonObject dictionary)
            dictionary.Remove(name!);
        else
            ((JsonArray)parent).RemoveAt(index);
        return null;
    });

    private static byte[] Add(byte[] json, Random random) => Edit(json, random, (nodes, _) =>
    {
        JsonNode parent = nodes[random.Next(nodes.Count)].Parent;
        if (parent is JsonObject dictionary)
            dictionary[Hostile.Texts[random.Next(Hostile.Texts.Count)]] = Placeholder;
        else
            ((JsonArray)parent).Add(Placeholder);
        return Hostile.Json(random);
    });

    /// <summary>Gives a value the place of another one, of a kind that the reader may know but does not expect there.</summary>
    private static byte[] Borrow(byte[] json, Random random) => Edit(json, random, (nodes, _) =>
    {
        (JsonNode from, string? fromName, int fromIndex) = nodes[random.Next(nodes.Count)];
        (JsonNode to, string? toName, int toIndex) = nodes[random.Next(nodes.Count)];
        JsonNode? value = (from is JsonObject dictionary ? dictionary[fromName!] : from[fromIndex])?.DeepClone();
        Set(to, toName, toIndex, value);
        return null;
    });

    private static void Set(JsonNode parent, string? name, int index, JsonNode? value)
    {
        if (parent is JsonObject dictionary)
            dictionary[name!] = value;
        else
            parent[index] = value;
    }

    private static byte[] Edit(byte[] json, Random random, Func<List<(JsonNode Parent, string? Name, int Index)>, JsonNode, string?> edit)
    {
        JsonNode? root;
        try
        {
            root = JsonNode.Parse(json, documentOptions: s_lenient);
            List<(JsonNode, string?, int)> nodes = [];
            Collect(root, nodes);
            if (nodes.Count == 0)
                return Encoding.UTF8.GetBytes(Hostile.Json(random));

            string? hostile = edit(nodes, root!);
            string text = root!.ToJsonString(s_deep);
            return Encoding.UTF8.GetBytes(hostile is null ? text : text.Replace($"\"{Placeholder}\"", hostile, StringComparison.Ordinal));
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException)
        {
            // No longer JSON, after an earlier change; or a name twice, or half a surrogate pair.
            return ByteMutations.All[random.Next(ByteMutations.All.Count)](json, random);
        }
    }

    private static void Collect(JsonNode? node, List<(JsonNode Parent, string? Name, int Index)> nodes)
    {
        if (node is JsonObject dictionary)
        {
            foreach ((string name, JsonNode? value) in dictionary)
            {
                nodes.Add((node, name, 0));
                Collect(value, nodes);
            }
        }
        else if (node is JsonArray list)
        {
            for (int i = 0; i < list.Count; i++)
            {
                nodes.Add((node, null, i));
                Collect(list[i], nodes);
            }
        }
    }
}
