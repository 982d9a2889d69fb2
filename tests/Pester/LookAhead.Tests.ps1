BeforeAll {
    . $PSScriptRoot/common.ps1

    # LoRAs of nothing but zeros that fit the demo model.
    $header = '{"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.diff":{"dtype":"F32","shape":[192,128],"data_offsets":[0,98304]}}'
    $bytes = [BitConverter]::GetBytes([long]$header.Length) + [Text.Encoding]::ASCII.GetBytes($header) + [byte[]]::new(98304)
    $loras = 'first', 'second', 'third' | ForEach-Object { "$TestDrive/$_.safetensors" }
    $loras | ForEach-Object { [IO.File]::WriteAllBytes($_, $bytes) }
    $second = "$TestDrive/second"
    Copy-Item -Recurse -LiteralPath "$ModuleFolder/model" -Destination $second

    # What a command writes to any stream but the verbose one, in its order, as texts; and the verbose messages.
    function Read-Streams([scriptblock] $Script) {
        $verbose = [Collections.Generic.List[string]]::new()
        $written = @(& $Script *>&1 | ForEach-Object {
                switch ($_) {
                    { $_ -is [Management.Automation.VerboseRecord] } { $verbose.Add($_.Message) }
                    { $_ -is [Management.Automation.ErrorRecord] } { "error $($_.FullyQualifiedErrorId) $($_.TargetObject.Prompt)" }
                    { $_ -is [Management.Automation.WarningRecord] } { "warning $_" }
                    { $_ -is [Management.Automation.InformationRecord] } { }
                    default { "$($_.Prompt) $($_.Seed) $($_.Width) $([Convert]::ToHexString([Security.Cryptography.SHA256]::HashData($_.Pixels))) $($_.Stages.Count) $($_.IsUnchanged)" }
                }
            })
        [pscustomobject]@{ Written = $written; Verbose = $verbose }
    }
}

Describe 'New-DiffusionImage -LookAhead' {
    It 'makes rows of one model and LoRA one after another, and writes everything in the order of the rows' {
        # The errors are found before, and during, the work on a row; the warning comes with the encoding.
        $rows = [pscustomobject]@{ Prompt = 'a'; Seed = 1; Lora = $loras[0]; Count = 2 },
            [pscustomobject]@{ Prompt = 'b'; Seed = 2; Lora = $loras[1] },
            [pscustomobject]@{ Prompt = 'c'; Seed = 3; Strength = 0.5 },
            [pscustomobject]@{ Prompt = 'd (house:1.5)'; Seed = 4; Lora = $loras[2] },
            [pscustomobject]@{ Prompt = 'e'; Seed = 5; Lora = $loras[0] },
            [pscustomobject]@{ Prompt = 'f'; Seed = 6; ClipSkip = 99; Count = 2; Lora = $loras[0] },
            [pscustomobject]@{ Prompt = 'g'; Seed = 7; Lora = $loras[1] },
            [pscustomobject]@{ Prompt = ''; Seed = 8 },
            [pscustomobject]@{ Prompt = 'i'; Seed = 9; Lora = $loras[2] }
        Clear-DiffusionCache
        $one = Read-Streams { $rows | New-DiffusionImage -Steps 2 -Verbose -ErrorAction Continue }
        Clear-DiffusionCache
        $ahead = Read-Streams { $rows | New-DiffusionImage -Steps 2 -Verbose -ErrorAction Continue -LookAhead 64 }
        $ahead.Written | Should -Be $one.Written
        ($one.Written -like 'error *').ForEach{ ($_ -split '[ ,]')[1] } | Should -Be StrengthInvalid, ClipSkipInvalid, PromptInvalid
        $one.Written -like 'warning *' | Should -HaveCount 1

        # Of models with LoRAs, the last two stay open.
        @($one.Verbose -like 'Opening the U-Net: *') | Should -HaveCount 6
        @($ahead.Verbose -like 'Opening the U-Net: *') | Should -HaveCount 3
    }

    It 'opens each of two models once with -LowMemory -StageMajor, whose rows alternate' {
        $rows = 1..6 | ForEach-Object { [pscustomobject]@{ Prompt = "house $_"; Seed = $_; Model = $_ % 2 ? '' : $second } }
        $one = Read-Streams { $rows | New-DiffusionImage -Steps 1 }
        $major = Read-Streams { $rows | New-DiffusionImage -Steps 1 -LowMemory -StageMajor -LookAhead 6 -Verbose }
        $major.Written | Should -Be $one.Written
        Clear-DiffusionCache
        $major = Read-Streams { $rows | New-DiffusionImage -Steps 1 -LowMemory -StageMajor -LookAhead 6 -Verbose }
        @($major.Verbose -like 'Opening the U-Net: *') | Should -HaveCount 2
        @($major.Verbose -like 'Opening the text encoder: *') | Should -HaveCount 2
        $major.Written | Should -Be $one.Written
    }

    It 'fills the batches on the device with images of one size' {
        $rows = 1..4 | ForEach-Object { [pscustomobject]@{ Prompt = "house $_"; Seed = $_; Width = $_ % 2 ? 64 : 80 } }
        @((Read-Streams { $rows | New-DiffusionImage -Steps 1 -BatchOnDevice 2 -Verbose }).Verbose -like 'Denoising of 2 images*') | Should -HaveCount 0
        $ahead = Read-Streams { $rows | New-DiffusionImage -Steps 1 -BatchOnDevice 2 -LookAhead 4 -Verbose }
        @($ahead.Verbose -like 'Denoising of 2 images*') | Should -HaveCount 2
        $ahead.Written.ForEach{ ($_ -split ' ')[2] } | Should -Be 1, 2, 3, 4
    }

    It 'writes each file as soon as it is made, and reads no further ahead than told' {
        $read = [Collections.Generic.List[int]]::new()
        $seen = 1..8 | ForEach-Object { $read.Add($_); [pscustomobject]@{ Prompt = 'a'; Seed = $_; Width = $_ % 2 ? 64 : 80; OutFile = "$TestDrive/ahead/$_.png" } } |
            New-DiffusionImage -Steps 1 -LookAhead 4 |
            ForEach-Object { "$($_.Seed): $($read.Count) $((Get-ChildItem "$TestDrive/ahead").BaseName)" }
        $seen | Should -Be '1: 4 1', '2: 4 1 2 3', '3: 4 1 2 3', '4: 4 1 2 3 4', '5: 8 1 2 3 4 5', '6: 8 1 2 3 4 5 6 7', '7: 8 1 2 3 4 5 6 7', '8: 8 1 2 3 4 5 6 7 8'
    }

    It 'gives rows with one file name the same files as without' {
        $rows = [pscustomobject]@{ Prompt = 'a house'; Seed = 1; Width = 64 },
            [pscustomobject]@{ Prompt = 'a house'; Seed = 2; Width = 80 },
            [pscustomobject]@{ Prompt = 'a house'; Seed = 2; Width = 64 },
            [pscustomobject]@{ Prompt = 'a house'; Seed = 3; Width = 80; OutFile = 'x.png' },
            [pscustomobject]@{ Prompt = 'a house'; Seed = 4; Width = 64; OutFile = 'x.png' }
        foreach ($count in 1, 8) {
            $null = $rows | New-DiffusionImage -Steps 1 -LookAhead $count -OutDirectory "$TestDrive/names-$count" -ErrorAction SilentlyContinue -ErrorVariable problems
            $problems.FullyQualifiedErrorId | Should -Be 'FileExists,SdPowerShell.Commands.NewDiffusionImageCommand'
            $problems.TargetObject.Seed | Should -Be 4
        }

        (Get-ChildItem "$TestDrive/names-1" | Get-FileHash).ForEach{ "$(Split-Path -Leaf $_.Path) $($_.Hash)" } |
            Should -Be (Get-ChildItem "$TestDrive/names-8" | Get-FileHash).ForEach{ "$(Split-Path -Leaf $_.Path) $($_.Hash)" }

        # With Force, the last one stays.
        $null = $rows[3, 4] | New-DiffusionImage -Steps 1 -LookAhead 8 -Force -OutDirectory "$TestDrive/names-8"
        (Get-DiffusionMetadata "$TestDrive/names-8/x.png").Seed | Should -Be 4
    }

    It 'starts an image from the file of one that waits' {
        $first = "$TestDrive/start.png"
        $rows = [pscustomobject]@{ Prompt = 'a red house'; Seed = 1; OutFile = $first; InitImage = $null },
            [pscustomobject]@{ Prompt = 'a red house at night'; Seed = 2; OutFile = $null; InitImage = $first }
        $expected = $rows | New-DiffusionImage -Steps 2
        Remove-Item $first
        Test-SameValue (($rows | New-DiffusionImage -Steps 2 -LookAhead 8)[1]) $expected[1] | Should -BeTrue
    }

    It 'passes finished images on at their places, with a line in the journal for each' {
        $rows = 1..6 | ForEach-Object { [pscustomobject]@{ Prompt = 'a'; Seed = $_; Width = $_ % 2 ? 64 : 80; OutFile = "$_.png" } }
        $batch = @{ Steps = 1; OutDirectory = "$TestDrive/resumed"; Resume = $true; LookAhead = 8; Journal = "$TestDrive/resumed.jsonl" }
        $null = $rows[1, 3, 4] | New-DiffusionImage @batch
        $images = $rows | New-DiffusionImage @batch
        $images.Seed | Should -Be (1..6)
        $images.ForEach{ [bool]$_.IsUnchanged } | Should -Be $false, $true, $false, $true, $true, $false
        $images.Path | Split-Path -Leaf | Should -Be $rows.OutFile
        (Get-DiffusionJournal "$TestDrive/resumed.jsonl" | Group-Object Status -NoElement).ForEach{ "$($_.Name) $($_.Count)" } | Sort-Object | Should -Be 'Made 6', 'Unchanged 3'
    }

    It 'makes what waits before an error that ends the pipeline, and after records that cannot be bound' {
        $before = [Collections.Generic.List[object]]::new()
        $rows = @([pscustomobject]@{ Prompt = 'a'; Seed = 1; Steps = 1 }) + (1..30 | ForEach-Object { [pscustomobject]@{ Nothing = $_ } })
        { $rows | New-DiffusionImage -LookAhead 8 -ErrorAction Stop | ForEach-Object { $before.Add($_) } } | Should -Throw -ErrorId 'PromptInvalid,*'
        $before.Seed | Should -Be 1
        { New-DiffusionImage 'a' -LookAhead 0 } | Should -Throw '*LookAhead*'
        New-DiffusionImage 'a', 'b' -LookAhead 4 -OutDirectory "$TestDrive/none" -WhatIf | Should -BeNullOrEmpty
        "$TestDrive/none" | Should -Not -Exist
        New-DiffusionImage 'a' -Count 5 -Steps 1 -LookAhead 2 | Select-Object -First 3 | Should -HaveCount 3
    }
}

Describe 'A long pipeline' {
    It 'keeps no row and no image that it has passed on: <_>' -ForEach @{}, @{ LookAhead = 2 }, @{ BatchOnDevice = 2 } {
        $batch = $_
        $rows = [Collections.Generic.List[WeakReference]]::new()
        $images = [Collections.Generic.List[WeakReference]]::new()
        & {
            foreach ($seed in 1..12) {
                $row = [pscustomobject]@{ Prompt = "a house $seed"; Seed = $seed; Steps = 1; GuidanceScale = 1 }
                $rows.Add([WeakReference]::new($row))
                $row
            }
        } | New-DiffusionImage @batch -OutDirectory "$TestDrive/kept-$($batch.Keys)" | ForEach-Object {
            $images.Add([WeakReference]::new($_.Pixels))
            if ($images.Count -eq 12) {
                [GC]::Collect()
                [GC]::WaitForPendingFinalizers()
                [GC]::Collect()

                # The current ones, those of a batch, and what PowerShell remembers of its last values.
                @($images.IsAlive -eq $true).Count | Should -BeLessOrEqual 5
                @($rows.IsAlive -eq $true).Count | Should -BeLessOrEqual 6
            }
        }

        $images | Should -HaveCount 12
    }
}
