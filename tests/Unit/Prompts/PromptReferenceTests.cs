using System.Text.Json;
using StableDiffusion.Prompts;

namespace StableDiffusion.Tests.Prompts;

/// <summary>
/// Against A1111's and ComfyUI's own parsers: <c>prompts.json</c>, and <c>prompts-random.json</c>, which their parsers
/// made of random prompts, broken ones among them. Schedules on which A1111's answer varies with Python's hash seed are left out.
/// </summary>
public sealed class PromptReferenceTests
{
    private const double WeightTolerance = 1e-12;

    private static readonly string[] s_files = ["prompts.json", "prompts-random.json"];

    public static TheoryData<string, string> Emphasis => Texts("emphasis");

    public static TheoryData<string, string> Composable => Texts("composable");

    public static TheoryData<string, string> ComfyUI => Texts("comfyui");

    public static TheoryData<string, int, string> Schedules
    {
        get
        {
            TheoryData<string, int, string> data = [];
            foreach (JsonElement item in Cases("schedules"))
            {
                data.Add(item.GetProperty("text").GetString()!, item.GetProperty("steps").GetInt32(), item.GetRawText());
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Emphasis), DisableDiscoveryEnumeration = true)]
    public void Emphasis_has_the_texts_and_weights_of_A1111(string text, string reference)
    {
        AssertWeighted(reference, PromptAttention.Parse(text, PromptSyntax.A1111), "A1111");
    }

    [Theory]
    [MemberData(nameof(ComfyUI), DisableDiscoveryEnumeration = true)]
    public void Emphasis_has_the_texts_and_weights_of_ComfyUI(string text, string reference)
    {
        AssertWeighted(reference, PromptAttention.Parse(text, PromptSyntax.ComfyUI), "ComfyUI");
    }

    [Theory]
    [MemberData(nameof(Schedules), DisableDiscoveryEnumeration = true)]
    public void A_schedule_has_the_steps_and_texts_of_A1111(string text, int steps, string reference)
    {
        (int, string)[] expected = [.. JsonElements(reference, "schedule")
            .Select(pair => (pair[0].GetInt32(), pair[1].GetString()!))];

        Assert.Equal(expected, PromptSchedule.Parse(text, steps).Select(entry => (entry.UntilStep, entry.Text)));
    }

    [Theory]
    [MemberData(nameof(Composable), DisableDiscoveryEnumeration = true)]
    public void A_composite_prompt_has_the_parts_and_weights_of_A1111(string text, string reference)
    {
        JsonElement[] expected = JsonElements(reference, "parts");
        IReadOnlyList<CompositePart> parts = CompositePrompt.Parse(text);

        Assert.Equal(expected.Select(pair => pair[0].GetString()), parts.Select(part => part.Text));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i][1].GetDouble(), parts[i].Weight, WeightTolerance);
            Assert.Equal(parts[i].Text, text.Substring(parts[i].Start, parts[i].Text.Length));
        }
    }

    private static void AssertWeighted(string reference, IReadOnlyList<WeightedText> actual, string syntax)
    {
        JsonElement[] expected = JsonElements(reference, "parsed");

        Assert.Equal(expected.Select(pair => pair[0].GetString()), actual.Select(span => span.Text));
        for (int i = 0; i < expected.Length; i++)
        {
            double weight = expected[i][1].GetDouble();
            Assert.Equal(weight, actual[i].Weight, WeightTolerance * Math.Max(1, Math.Abs(weight)));
            Assert.Equal(syntax == "A1111" && actual[i].Text == "BREAK" && weight == -1, actual[i].IsBreak);
        }
    }

    private static TheoryData<string, string> Texts(string group)
    {
        TheoryData<string, string> data = [];
        foreach (JsonElement item in Cases(group))
        {
            data.Add(item.GetProperty("text").GetString()!, item.GetRawText());
        }

        return data;
    }

    private static IEnumerable<JsonElement> Cases(string group)
    {
        foreach (string file in s_files)
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data(file)));
            if (document.RootElement.TryGetProperty(group, out JsonElement cases))
            {
                foreach (JsonElement item in cases.EnumerateArray())
                {
                    yield return item.Clone();
                }
            }
        }
    }

    private static JsonElement[] JsonElements(string json, string property)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return [.. document.RootElement.GetProperty(property).EnumerateArray().Select(element => element.Clone())];
    }
}
