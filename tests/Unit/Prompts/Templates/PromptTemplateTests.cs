using System.Text.Json;
using StableDiffusion.Prompts.Templates;

namespace StableDiffusion.Tests.Prompts.Templates;

/// <summary>Templates of prompts. Reference: the output of dynamicprompts 0.31.0's combinatorial generator.</summary>
public sealed class PromptTemplateTests
{
    private static readonly Wildcards s_wildcards = new([Repository.Data("wildcards")]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string[]> References()
    {
        TheoryData<string, string[]> data = [];
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("prompt-templates.json")));
        foreach (JsonElement item in document.RootElement.EnumerateArray())
            data.Add(item.GetProperty("template").GetString()!, [.. item.GetProperty("prompts").EnumerateArray().Select(static prompt => prompt.GetString()!)]);
        return data;
    }

    [Theory]
    [MemberData(nameof(References))]
    public void All_prompts_are_those_of_Dynamic_Prompts_in_its_order(string template, string[] prompts)
    {
        // A template of several lines is one line here, and keeps its line breaks there.
        string[] expected = template.Contains('\n', StringComparison.Ordinal) ? [.. prompts.Select(static prompt => prompt.Trim())] : prompts;
        Assert.Equal(expected, All(template));
    }

    [Theory]
    [InlineData("costs $5, 50% off", "costs $5, 50% off")]
    [InlineData("see https://example.org", "see https://example.org")]
    [InlineData("a # red\nhouse", "a house")]
    [InlineData("  a\n  {b}\n", "a b")]
    [InlineData("${a=!{x|y}}${a} and ${a}", "x and x", "y and y")]
    [InlineData("${a=!{x|y}}${b=!{1|2}}${a}${b}", "x1", "x2", "y1", "y2")]
    public void Text_stays_text(string template, params string[] prompts) => Assert.Equal(prompts, All(template));

    [Theory]
    [InlineData("{a|b", "is not closed by '}'")]
    [InlineData("a __season", "is not closed by '__'")]
    [InlineData("a __", "is not closed by '__'")]
    [InlineData("____", "has no name")]
    [InlineData("${x", "the variable 'x' is not closed")]
    [InlineData("${1=a}", "begins with a letter")]
    [InlineData("{${x=a}|b}", "is set inside braces")]
    [InlineData("%{a}", "is not closed by '$$'")]
    [InlineData("{101-200$$a|b}", "at most 100 values")]
    [InlineData("${x}", "'${x}' of the template is not set")]
    [InlineData("${x={a ${x}}}${x}", "refers to itself")]
    public void A_template_that_cannot_be_read_is_refused_by_its_column_or_name(string template, string message)
    {
        Assert.Contains(message, Assert.Throws<InvalidSettingException>(() => All(template)).Message, StringComparison.Ordinal);
        Assert.Contains(message, Assert.Throws<InvalidSettingException>(() => Template(template).Draw(1, 0, Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_nesting_and_lists_that_lead_to_themselves_are_refused()
    {
        Assert.Contains("more than 1000 parts", Assert.Throws<InvalidSettingException>(() => Template(string.Concat(Enumerable.Repeat("{a}", 1001)))).Message, StringComparison.Ordinal);
        Assert.Contains("64 levels", Assert.Throws<InvalidSettingException>(() => Template(new string('{', 100_000))).Message, StringComparison.Ordinal);
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["loop.txt"], "a __loop__\n");
        PromptTemplate loop = new("__loop__", new Wildcards([folder.Path]));
        Assert.Contains("may lead to itself", Assert.Throws<InvalidSettingException>(() => loop.Draw(1, 0, Token)).Message, StringComparison.Ordinal);
        Assert.Contains("may lead to itself", Assert.Throws<InvalidSettingException>(() => loop.All(1, Token).First()).Message, StringComparison.Ordinal);
        File.WriteAllText(folder["twice.txt"], "__twice____twice__\n");
        Assert.Throws<InvalidSettingException>(() => new PromptTemplate("__twice__", new Wildcards([folder.Path])).Draw(1, 0, Token));
        Assert.Contains("more than 1048576 characters", Assert.Throws<InvalidSettingException>(() => Template($"${{a={new string('x', 9000)}}}{string.Concat(Enumerable.Repeat("${a}", 200))}").Draw(1, 0, Token)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    public void A_template_that_doubles_a_variable_again_and_again_is_refused(string text)
    {
        PromptTemplate template = Template($"${{v0={text}}}{string.Concat(Enumerable.Range(1, 31).Select(static i => $"${{v{i}=${{v{i - 1}}}${{v{i - 1}}}}}"))}${{v31}}");
        Assert.Contains("100000 choices", Assert.Throws<InvalidSettingException>(() => template.Draw(1, 0, Token)).Message, StringComparison.Ordinal);
        Assert.Contains("100000 choices", Assert.Throws<InvalidSettingException>(() => template.All(1, Token).First()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Choices_without_a_result_are_refused_or_canceled()
    {
        PromptTemplate template = Template($"{{14$${string.Join('|', Enumerable.Repeat("a", 14))}}}");
        Assert.Contains("100000 choices", Assert.Throws<InvalidSettingException>(() => template.All(1, Token).First()).Message, StringComparison.Ordinal);
        Assert.Throws<OperationCanceledException>(() => template.All(1, new CancellationToken(canceled: true)).First());
    }

    [Fact]
    public void Lists_of_lists_are_refused_where_they_are_too_deep()
    {
        using TemporaryFolder folder = new();
        for (int i = 0; i < 63; i++)
            File.WriteAllText(folder[$"L{i}.txt"], new string('{', 50) + $"__L{i + 1}__" + new string('}', 50) + "\n");
        File.WriteAllText(folder["L63.txt"], "cat\n");
        PromptTemplate template = new("__L0__", new Wildcards([folder.Path]));
        Assert.Contains("More than 200", Assert.Throws<InvalidSettingException>(() => template.Draw(7, 0, Token)).Message, StringComparison.Ordinal);
        Assert.Contains("More than 200", Assert.Throws<InvalidSettingException>(() => template.All(7, Token).First()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Links_in_a_folder_are_not_followed_and_patterns_are_quick()
    {
        using TemporaryFolder folder = new();
        string secret = folder["secret.txt"], lists = Directory.CreateDirectory(folder["lists"]).FullName;
        File.WriteAllText(secret, "secret\n");
        File.WriteAllText(Path.Combine(lists, "x.txt"), "cat\n");
        File.WriteAllText(Path.Combine(lists, "deep.yaml"), string.Join('\n', Enumerable.Range(0, 30).Select(static depth => new string(' ', depth) + "a:")) + " [x]\n");
        Directory.CreateSymbolicLink(Path.Combine(lists, "up"), lists);
        Directory.CreateSymbolicLink(Path.Combine(lists, "again"), lists);
        File.CreateSymbolicLink(Path.Combine(lists, "animal.txt"), secret);
        Wildcards wildcards = new([lists]);
        Assert.Throws<WildcardNotFoundException>(() => new PromptTemplate("__animal__", wildcards).Draw(1, 0, Token));
        Assert.Equal("cat", new PromptTemplate("__x__", wildcards).Draw(1, 0, Token).Prompt);
        Assert.Throws<WildcardNotFoundException>(() => new PromptTemplate($"__{string.Concat(Enumerable.Repeat("**/", 30))}b__", wildcards).Draw(1, 0, Token));
        Assert.Equal("x", new PromptTemplate("__**/a/**/a__", wildcards).Draw(1, 0, Token).Prompt);
    }

    [Fact]
    public void Many_values_of_a_large_list_are_chosen_without_reading_all_as_templates()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["n.txt"], string.Join('\n', Enumerable.Range(0, 200_000)));
        string[] chosen = new PromptTemplate("{100$$__n__}", new Wildcards([folder.Path])).Draw(1, 0, Token).Prompt.Split(',');
        Assert.Equal(100, chosen.Distinct().Count());
    }

    [Fact]
    public void A_file_with_keys_may_be_named_before_them()
    {
        Assert.Equal(["gold", "silver"], All("__material/metal/shiny__"));
        Assert.Equal(["gold", "silver"], All("__metal/shiny__"));
    }

    [Fact]
    public void A_damaged_file_does_not_matter_to_the_lists_of_others()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["bad.json"], "{");
        File.WriteAllText(folder["color.txt"], "red\n");
        Wildcards wildcards = new([folder.Path]);
        Assert.Equal("red", new PromptTemplate("__color__", wildcards).Draw(1, 0, Token).Prompt);
        Assert.Contains("bad.json", Assert.Throws<WildcardNotFoundException>(() => new PromptTemplate("__other__", wildcards).Draw(1, 0, Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wildcard_without_a_list_is_an_error_that_knows_the_nearest_one()
    {
        WildcardNotFoundException error = Assert.Throws<WildcardNotFoundException>(() => Template("__seasn__").Draw(1, 0, Token));
        Assert.Contains("Did you mean 'season'?", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bad.json", "{")]
    [InlineData("alias.yaml", "a: &x [1, 2]\nb: *x\n")]
    [InlineData("bad.yaml", "a: [1\n")]
    public void A_file_that_cannot_be_read_is_named(string file, string text)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder[file], text);
        WildcardNotFoundException error = Assert.Throws<WildcardNotFoundException>(() => new PromptTemplate("__a__", new Wildcards([folder.Path])).Draw(1, 0, Token));
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_decide_how_often_a_value_is_drawn()
    {
        // Chi-square with three degrees of freedom: above 16.27 once in a thousand.
        int[] counts = new int[4];
        PromptTemplate template = Template("{1::0|2::1|4::2|0.5::3|0::4}");
        for (int i = 0; i < 10_000; i++)
            counts[int.Parse(template.Draw(7, i, Token).Prompt, System.Globalization.CultureInfo.InvariantCulture)]++;
        double chi = counts.Zip([1, 2, 4, 0.5], static (count, weight) => Math.Pow(count - (10_000 * weight / 7.5), 2) / (10_000 * weight / 7.5)).Sum();
        Assert.InRange(chi, 0, 16.27);

        // The number of values is drawn evenly, and each value is there equally often.
        string[][] chosen = [.. Enumerable.Range(0, 9000).Select(i => Template("{1-3$$a|b|c}").Draw(3, i, Token).Prompt.Split(','))];
        Assert.All([1, 2, 3], count => Assert.InRange(chosen.Count(values => values.Length == count), 2800, 3200));
        Assert.All(chosen, static values => Assert.Equal(values.Length, values.Distinct().Count()));
        Assert.All(["a", "b", "c"], value => Assert.InRange(chosen.Count(values => values[0] == value), 2800, 3200));
    }

    [Fact]
    public void Draws_depend_on_the_seed_and_the_number_alone()
    {
        PromptTemplate template = Template("{a|b|c|d|e|f|g|h} __season__ __animal__ {2$$1|2|3|4}");
        string[] first = [.. Enumerable.Range(0, 50).Select(i => template.Draw(5, i, Token).Prompt)];
        Assert.Equal(first.Reverse(), Enumerable.Range(0, 50).Reverse().Select(i => template.Draw(5, i, Token).Prompt));
        Assert.True(first.Distinct().Count() > 40);
        Assert.NotEqual(first, Enumerable.Range(0, 50).Select(i => template.Draw(6, i, Token).Prompt));
    }

    [Fact]
    public void Values_in_turn_follow_the_number_of_the_prompt() =>
        Assert.Equal(["a", "b", "c", "a"], Enumerable.Range(0, 4).Select(i => Template("{@a|b|c}").Draw(9, i, Token).Prompt));

    [Fact]
    public void A_prompt_knows_what_was_drawn_for_it()
    {
        ExpandedPrompt prompt = Template("${f:round} __season__ {x} __season__").Draw(1, 0, Token);
        Assert.Equal("round", prompt.Values["f"]);
        Assert.Equal("x", prompt.Values["1"]);
        Assert.Equal(prompt.Prompt, $"round {prompt.Values["season"]} x {prompt.Values["season#2"]}");
        Assert.Equal("gold", Template("__metal/{shiny}__").All(0, Token).First().Values["metal/shiny"]);
    }

    [Fact]
    public void Millions_of_prompts_are_made_one_by_one() =>
        Assert.Equal(3, Template(string.Concat(Enumerable.Repeat("{a|b|c|d|e|f|g|h|i|j}", 30))).All(0, Token).Take(3).Count());

    private static PromptTemplate Template(string text) => new(text, s_wildcards);

    private static IEnumerable<string> All(string text) => [.. Template(text).All(0, Token).Select(static prompt => prompt.Prompt)];
}
