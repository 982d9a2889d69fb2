using StableDiffusion.Hub;

namespace StableDiffusion.Tests.Hub;

public sealed class HubSettingsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _variables = [];

    public HubSettingsTests()
    {
        // No test may find the token of whoever runs it.
        _variables["HF_HOME"] = _folder["none"];
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_variables_the_public_hub_is_asked_as_anybody()
    {
        HubSettings settings = Read();
        Assert.Equal("https://huggingface.co/", settings.Endpoint.AbsoluteUri);
        Assert.Null(settings.Token);
        Assert.False(settings.IsOffline);
        Assert.Equal(TimeSpan.FromSeconds(10), settings.Timeout);
    }

    [Fact]
    public void The_token_is_looked_for_where_the_hubs_own_clients_look()
    {
        File.WriteAllText(_folder["token"], "of-home\n");
        File.WriteAllText(_folder["mine"], " of-path \n");
        Directory.CreateDirectory(_folder["cache", "huggingface"]);
        File.WriteAllText(_folder["cache", "huggingface", "token"], "of-cache");

        _variables.Remove("HF_HOME");
        _variables["XDG_CACHE_HOME"] = _folder["cache"];
        Assert.Equal("of-cache", Read().Token);
        _variables["HF_HOME"] = _folder.Path;
        Assert.Equal("of-home", Read().Token);
        _variables["HF_TOKEN_PATH"] = _folder["mine"];
        Assert.Equal("of-path", Read().Token);
        _variables["HF_TOKEN"] = " of-variable\n";
        Assert.Equal("of-variable", Read().Token);
        _variables["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "true";
        Assert.Null(Read().Token);
    }

    [Theory]
    [InlineData("HF_HUB_OFFLINE", "1", true)]
    [InlineData("HF_HUB_OFFLINE", "yes", true)]
    [InlineData("HF_HUB_OFFLINE", "0", false)]
    [InlineData("TRANSFORMERS_OFFLINE", "ON", true)]
    public void Offline_is_said_as_the_hubs_own_clients_take_it(string variable, string value, bool expected)
    {
        _variables[variable] = value;
        Assert.Equal(expected, Read().IsOffline);
    }

    [Fact]
    public void A_hub_below_a_path_and_a_timeout_are_taken()
    {
        _variables["HF_ENDPOINT"] = "https://mirror.example.org/hf/";
        _variables["HF_HUB_DOWNLOAD_TIMEOUT"] = "2.5";
        HubSettings settings = Read();
        Assert.Equal(TimeSpan.FromSeconds(2.5), settings.Timeout);
        using HubClient client = new(settings);
        Assert.Equal("https://mirror.example.org/hf/a/b%20c", client.Address("a", "b c").AbsoluteUri);
    }

    [Theory]
    [InlineData("HF_ENDPOINT", "mirror", "Endpoint")]
    [InlineData("HF_ENDPOINT", "ftp://mirror", "Endpoint")]
    [InlineData("HF_ENDPOINT", "https://user:secret@mirror", "Endpoint")]
    [InlineData("HF_TOKEN", "hf_secret\nX-Other: 1", "Token")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT", "soon", "Timeout")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT", "0", "Timeout")]
    public void A_variable_that_holds_something_else_is_an_error_that_tells_no_secret(string variable, string value, string setting)
    {
        _variables[variable] = value;
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(Read);
        Assert.Equal(setting, error.Setting);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://hub.example.org/x", true)]
    [InlineData("https://hub.example.org:8443/x", false)]
    [InlineData("http://hub.example.org/x", false)]
    [InlineData("https://cdn.hub.example.org/x", false)]
    public void Only_the_very_same_place_is_the_hub(string address, bool expected)
    {
        using HubClient client = new(new HubSettings { Endpoint = new Uri("https://HUB.example.org") });
        Assert.Equal(expected, client.IsHub(new Uri(address)));
    }

    [Theory]
    [InlineData("https://hub.example.org", "https://hub.example.org/x", true)]
    [InlineData("https://hub.example.org", "https://other.example.org/x", false)]
    [InlineData("http://hub.example.org", "http://hub.example.org/x", false)]
    [InlineData("http://127.0.0.1:1", "http://127.0.0.1:1/x", true)]
    [InlineData("http://127.0.0.1:1", "http://127.0.0.1:2/x", false)]
    [InlineData("http://localhost", "http://localhost/x", true)]
    public void The_token_is_sent_where_nobody_else_can_read_it(string endpoint, string address, bool expected)
    {
        using HubClient client = new(new HubSettings { Endpoint = new Uri(endpoint), Token = "hf_secret" });
        Assert.Equal(expected, client.SendsTokenTo(new Uri(address)));
    }

    private HubSettings Read() => HubSettings.From(_variables.GetValueOrDefault);
}
